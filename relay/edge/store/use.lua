-- Count one more use of a secret.
-- KEYS: uses   ARGV: most, when the count may be forgotten in ms
-- Returns 1, or 0 where it was used as often as it may be.
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then
  return 0
end
redis.call('INCR', KEYS[1])
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return 1
