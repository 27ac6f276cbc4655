#!lua
-- e, l; token, head, header, px (0: no expiry): the same payload under a new header of the same version.
-- 1, or 0 if the lease or the entry is another's. Ends the lease.
if redis.call('HGET', KEYS[2], 't') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
local h = redis.call('GETRANGE', KEYS[1], 0, 13)
if #h < 14 or string.sub(h, 1, 12) ~= ARGV[2] then return 0 end
local n = string.byte(h, 13) + 256 * string.byte(h, 14)
local blob = ARGV[3] .. redis.call('GETRANGE', KEYS[1], n, -1)
if ARGV[4] == '0' then redis.call('SET', KEYS[1], blob)
else redis.call('SET', KEYS[1], blob, 'PX', ARGV[4]) end
return 1
