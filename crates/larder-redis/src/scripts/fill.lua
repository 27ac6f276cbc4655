-- FILL, and under `allow-oom` SEAL, which brings an empty blob.
-- e, l, [trace: told, as INVALIDATE does, if it is stored]; token, blob (empty: keep nothing), px (0: no expiry)
-- 1: nothing ended the lease and e is as ACQUIRE saw it, or has expired since; else 0. Ends the lease.
local l = redis.call("HMGET", KEYS[2], "t", "s", "x")
if l[1] ~= ARGV[1] then return 0 end
redis.call("DEL", KEYS[2])
local head = redis.call("GETRANGE", KEYS[1], 0, 11)
if head ~= l[2] then
  local t, x = redis.call("TIME"), tonumber(l[3])
  if head ~= "" or x < 0 or t[1] * 1000 + t[2] / 1000 < x then return 0 end
end
if ARGV[2] ~= "" then
  if ARGV[3] == "0" then redis.call("SET", KEYS[1], ARGV[2])
  else redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) end
  if KEYS[3] then
    redis.call("SET", KEYS[3], "")
    redis.call("DEL", KEYS[3])
  end
end
return 1
