#!lua flags=allow-oom
-- e, l; header: reclaims an entry that is known to be of no use, if it still begins so. Not while somebody
-- has a lease: who does will replace it, and counts on finding it as it was. Its bytes, or 0.
if ARGV[1] == '' or redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local bytes = redis.call('STRLEN', KEYS[1])
redis.call('UNLINK', KEYS[1])
return bytes
