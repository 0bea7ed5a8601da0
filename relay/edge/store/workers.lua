-- Say that a worker lives. KEYS: workers (ZSET: worker -> when it counts as dead, ms)   ARGV: worker, lease ms
-- Returns how many live.
local time = redis.call('TIME')
local millis = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', millis))
redis.call('ZADD', KEYS[1], string.format('%.0f', millis + tonumber(ARGV[2])), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
