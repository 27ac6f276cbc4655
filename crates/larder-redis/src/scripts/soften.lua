#!lua flags=allow-oom
-- e, l, [trace: told, as INVALIDATE does]; head, header: a soft expiry. Ends any lease, as what it loads may be older.
-- 1, or 0 if another version stands by now (read it, and try again; after 3 times INVALIDATE).
local h = redis.call('GETRANGE', KEYS[1], 0, 13)
if h ~= '' and string.sub(h, 1, 12) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if KEYS[3] then
  redis.call('SET', KEYS[3], '')
  redis.call('DEL', KEYS[3])
end
if h == '' then
  redis.call('SET', KEYS[1], '')
  redis.call('DEL', KEYS[1])
  return 1
end
local n = string.byte(h, 13) + 256 * string.byte(h, 14)
redis.call('SET', KEYS[1], ARGV[2] .. redis.call('GETRANGE', KEYS[1], n, -1), 'KEEPTTL')
return 1
