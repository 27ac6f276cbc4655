#!lua flags=allow-oom
-- (e, l)+, [trace]; nothing, or token, lease_ms, lookup: an insert, whose FILL follows.
-- What is set and deleted is told to all who track: that an entry may have changed, or a name that says whose trace it was.
local function tell(name)
  redis.call('SET', name, '')
  redis.call('DEL', name)
end
for i = 1, #KEYS - 1, 2 do
  if redis.call('DEL', KEYS[i]) == 0 then tell(KEYS[i]) end
  redis.call('DEL', KEYS[i + 1])
end
if #KEYS % 2 == 1 then tell(KEYS[#KEYS]) end
if ARGV[1] then
  redis.call('HSET', KEYS[2], 't', ARGV[1], 's', '', 'x', -2, 'a', ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return 1
