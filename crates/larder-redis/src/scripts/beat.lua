#!lua flags=allow-oom
-- {run_id, master_replid}
-- It writes nothing, yet is refused where writes are (READONLY, NOREPLICAS, MISCONF).
local i = redis.call('INFO', 'server', 'replication')
return {string.match(i, 'run_id:(%x+)') or '', string.match(i, 'master_replid:(%x+)') or ''}
