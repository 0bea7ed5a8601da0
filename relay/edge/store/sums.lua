-- Every hash of KEYS, as field and value in turn.
local all = {}
for number, name in ipairs(KEYS) do
  all[number] = redis.call('HGETALL', name)
end
return all
