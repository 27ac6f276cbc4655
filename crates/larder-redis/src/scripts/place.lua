#!lua flags=allow-oom
-- g: {base, top} of a log, empty where it is missing, as it is where another program has put something
-- else. Keeps it from being the least recently used.
local found = redis.pcall('ZRANGE', KEYS[1], 0, 0)
if found.err and not string.find(found.err, 'WRONGTYPE', 1, true) then return found end
local first = found[1]
return {first or '', first and redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] or ''}
