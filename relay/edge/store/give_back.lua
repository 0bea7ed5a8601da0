-- End the leave to hold a session; its name is free, unless another session bears it by now.
-- KEYS: leases[, name]   ARGV: session
redis.call('ZREM', KEYS[1], ARGV[1])
if KEYS[2] and redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('DEL', KEYS[2])
end
return 1
