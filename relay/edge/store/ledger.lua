-- Entries of the ledger, each counted once: into the stream, the sums of its day and the sum of all time.
--
-- KEYS  1 stream, then for each entry: mark of its having been counted, sums of the day, sum of all time
-- ARGV  1 entries the stream keeps, about   2 seconds a mark is kept   3 names of the fields, separated by spaces
--       then for each entry: when its day's sums may go (unix s), id, tenant, model, at, and its fields in that order
local names = {}
for name in string.gmatch(ARGV[3], '%S+') do
  names[#names + 1] = name
end
local new, place = 0, 4
for at = 2, #KEYS, 3 do
  if redis.call('SET', KEYS[at], '1', 'NX', 'EX', ARGV[2]) then
    new = new + 1
    local model = ARGV[place + 3]
    local line = { 'id', ARGV[place + 1], 'tenant', ARGV[place + 2], 'model', model, 'at', ARGV[place + 4] }
    for number, name in ipairs(names) do
      local amount = ARGV[place + 4 + number]
      if amount ~= '0' then
        line[#line + 1], line[#line + 2] = name, amount
        redis.call('HINCRBY', KEYS[at + 1], name .. ':' .. model, amount)
        redis.call('HINCRBY', KEYS[at + 2], name, amount)
      end
    end
    redis.call('EXPIREAT', KEYS[at + 1], ARGV[place])
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(line))
  end
  place = place + 5 + #names
end
return new
