-- Give leave to hold a session. What is refused changes nothing.
-- KEYS: leases (ZSET: session -> when it ends, ms), starts (a rate: when all starts so far are paid for, us)[, name]
-- ARGV: session, most sessions, lease ms, us that one start costs, us that starts may run ahead
-- Returns {verdict, us to wait, sessions now, us of starts yet unpaid}; verdict: 0 given, 1 conflict, 2 full, 3 too fast
local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local millis = math.floor(micros / 1000)
local session, most, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local cost, slack = tonumber(ARGV[4]), tonumber(ARGV[5])

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', millis))
local held = redis.call('ZCARD', KEYS[1])
local due = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), micros)
if KEYS[3] then
  local holder = redis.call('GET', KEYS[3])
  if holder and holder ~= session then
    return {1, 0, held, due - micros}
  end
end
if not redis.call('ZSCORE', KEYS[1], session) then
  if held >= most then
    return {2, 0, held, due - micros}
  end
  if cost > 0 then
    local wait = due + cost - slack - micros
    if wait > 0 then
      return {3, wait, held, due - micros}
    end
    due = due + cost
    redis.call('SET', KEYS[2], string.format('%.0f', due), 'PX', string.format('%.0f', math.ceil((due - micros) / 1000)))
  end
  held = held + 1
end
redis.call('ZADD', KEYS[1], string.format('%.0f', millis + lease), session)
-- Names and leases of the dead go by themselves; those of the living are renewed together.
redis.call('PEXPIRE', KEYS[1], lease)
if KEYS[3] then
  redis.call('SET', KEYS[3], session, 'PX', lease)
end
return {0, 0, held, due - micros}
