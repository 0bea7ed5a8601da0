-- Reserve room for what is kept for a tenant.
-- KEYS: ends (ZSET: secret -> when it goes, ms), sizes (HASH: secret -> bytes)
-- ARGV: secret, when it goes in ms, bytes, most things, most bytes
-- Returns 0, or how many ms until there may be room.
local time = redis.call('TIME')
local millis = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', millis))
for _, secret in ipairs(gone) do
  redis.call('ZREM', KEYS[1], secret)
  redis.call('HDEL', KEYS[2], secret)
end
local number, bytes = 0, 0
local sizes = redis.call('HGETALL', KEYS[2])
for place = 1, #sizes, 2 do
  if sizes[place] ~= ARGV[1] then
    number, bytes = number + 1, bytes + tonumber(sizes[place + 1])
  end
end
if number >= tonumber(ARGV[4]) or bytes + tonumber(ARGV[3]) > tonumber(ARGV[5]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, first[2] and tonumber(first[2]) - millis or 1)
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
for _, key in ipairs(KEYS) do
  redis.call('PEXPIREAT', key, last)
end
return 0
