#!lua flags=allow-oom
-- (e, l)+; nothing, or token, lease_ms, lookup: an insert, whose FILL follows.
for i = 1, #KEYS, 2 do
  if redis.call('DEL', KEYS[i]) == 0 then
    redis.call('SET', KEYS[i], '')
    redis.call('DEL', KEYS[i])
  end
  redis.call('DEL', KEYS[i + 1])
end
if ARGV[1] then
  redis.call('HSET', KEYS[2], 't', ARGV[1], 's', '', 'x', -2, 'a', ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return 1
