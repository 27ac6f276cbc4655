#!lua flags=allow-oom
-- g*: {run_id, master_replid, then (base, top) of each log, empty where it is missing}
-- It writes nothing, yet is refused where writes are (READONLY, NOREPLICAS, MISCONF, CLUSTERDOWN),
-- and keeps the logs from being the least recently used.
local i = redis.call('INFO', 'server', 'replication')
local out = {string.match(i, 'run_id:(%x+)') or '', string.match(i, 'master_replid:(%x+)') or ''}
for _, g in ipairs(KEYS) do
  local first = redis.call('ZRANGE', g, 0, 0)[1]
  out[#out + 1] = first or ''
  out[#out + 1] = first and redis.call('ZRANGE', g, -1, -1, 'WITHSCORES')[2] or ''
end
return out
