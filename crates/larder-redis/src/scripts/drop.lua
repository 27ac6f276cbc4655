#!lua flags=allow-oom
-- e; head: reclaims an entry that is known to be of no use, if it still stands.
if redis.call('GETRANGE', KEYS[1], 0, 11) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0
