#!lua flags=allow-oom
-- e; have ('' or the 12 bytes head of the entry held)
-- {0} nothing | {1, blob, pttl} | {2, header, pttl}: e is still that version
-- No `no-writes` flag: what may not write (a replica, a cut-off primary) may not answer either.
local have = ARGV[1]
if have ~= '' then
  local h = redis.call('GETRANGE', KEYS[1], 0, 13)
  if #h == 14 and string.sub(h, 1, 12) == have then
    local n = string.byte(h, 13) + 256 * string.byte(h, 14)
    return {2, redis.call('GETRANGE', KEYS[1], 0, n - 1), redis.call('PTTL', KEYS[1])}
  end
end
local blob = redis.call('GET', KEYS[1])
if not blob or blob == '' then return {0} end
return {1, blob, redis.call('PTTL', KEYS[1])}
