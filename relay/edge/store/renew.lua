-- Renew the leases of sessions that live, whether or not they are still known here.
-- KEYS: leases, then the names of those sessions that bear one
-- ARGV: lease ms, number of sessions, the sessions, then whose each name is
-- Returns the number of sessions now.
local time = redis.call('TIME')
local millis = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease, number = tonumber(ARGV[1]), tonumber(ARGV[2])
local ends = string.format('%.0f', millis + lease)

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', millis))
for place = 3, 2 + number do
  redis.call('ZADD', KEYS[1], ends, ARGV[place])
end
redis.call('PEXPIRE', KEYS[1], lease)
for place = 2, #KEYS do
  local session = ARGV[1 + number + place]
  local holder = redis.call('GET', KEYS[place])
  if not holder or holder == session then
    redis.call('SET', KEYS[place], session, 'PX', lease)
  end
end
return redis.call('ZCARD', KEYS[1])
