#!lua flags=allow-oom
-- g: {base, top} of a log, empty where it is missing. Keeps it from being the least recently used.
local first = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
return {first or '', first and redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] or ''}
