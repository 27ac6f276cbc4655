#!lua flags=allow-oom
-- l; token, lease_ms: 1, or 0 if the lease is another's or has ended.
if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
