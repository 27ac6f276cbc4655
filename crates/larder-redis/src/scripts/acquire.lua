#!lua flags=allow-oom
-- e, l; token, lease_ms, unlike ('' or the head of the entry that is not wanted), lookup
-- {1, blob, pttl} another entry stands | {2, pttl, lookup} leased to another | {3} the lease is the token's
local head = redis.call('GETRANGE', KEYS[1], 0, 11)
if head ~= '' and head ~= ARGV[3] then
  return {1, redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
end
local holder = redis.call('HMGET', KEYS[2], 't', 'a')
if holder[1] and holder[1] ~= ARGV[1] then
  return {2, redis.call('PTTL', KEYS[2]), holder[2] or ''}
end
redis.call('HSET', KEYS[2], 't', ARGV[1], 's', head, 'x', redis.call('PEXPIRETIME', KEYS[1]), 'a', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {3}
