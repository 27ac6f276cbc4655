#!lua flags=allow-oom
-- g; nonce, known base, since, max, trace, item*: records the items, and returns what is new since `since`.
-- {base, top, floor, is_whole, [item, number]*}, a trace with the number of its last item, negative; without items it only reads. A log that is missing, or no log, is minted.
-- A sorted set: '!' base at 0, '~' at the floor, '+' item at its number,
-- '^' trace at that of its last item; the highest score is the top.
local g, since, max = KEYS[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local first = redis.pcall('ZRANGE', g, 0, 0, 'WITHSCORES')
if first.err and not string.find(first.err, 'WRONGTYPE', 1, true) then return first end
if not first[1] or first[2] ~= '0' or string.sub(first[1], 1, 1) ~= '!' then
  redis.call('DEL', g)
  redis.call('ZADD', g, 0, '!' .. ARGV[1])
  first = {'!' .. ARGV[1]}
end
local base = string.sub(first[1], 2)
local top = tonumber(redis.call('ZRANGE', g, -1, -1, 'WITHSCORES')[2])
local function number(n) return string.format('%.0f', n) end
for i = 6, #ARGV do
  top = top + 1
  if ARGV[i] == '\0' then
    redis.call('ZREMRANGEBYSCORE', g, 1, number(top))
    redis.call('ZADD', g, number(top), '~')
  else
    redis.call('ZADD', g, number(top), '+' .. ARGV[i])
  end
end
if ARGV[5] ~= '' and #ARGV > 5 then redis.call('ZADD', g, number(top), '^' .. ARGV[5]) end
if redis.call('ZCARD', g) > max then
  local last = math.floor(max / 2)
  local floor = redis.call('ZRANGE', g, last, last, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYRANK', g, 1, last)
  redis.call('ZADD', g, 'GT', floor, '~')
end
local floor = tonumber(redis.call('ZSCORE', g, '~') or '0')
local whole = ARGV[2] ~= base or since > top or since < floor
if whole then since = 0 end
local out = {base, number(top), number(floor), whole and 1 or 0}
if since < top then
  local new = redis.call('ZRANGEBYSCORE', g, '(' .. number(since), '+inf', 'WITHSCORES')
  for i = 1, #new, 2 do
    local kind = string.sub(new[i], 1, 1)
    if kind == '+' or kind == '^' then
      out[#out + 1] = string.sub(new[i], 2)
      out[#out + 1] = kind == '+' and new[i + 1] or '-' .. new[i + 1]
    end
  end
end
return out
