/** What `/v1` answers: the JSON shapes as they are on the wire. Knows nothing of the page. */

export type Role = "viewer" | "operator" | "admin";

/** How far back figures go. */
export type Span = "1m" | "5m" | "60m" | "24h";
export const SPANS: readonly Span[] = ["1m", "5m", "60m", "24h"];

export interface Latency {
  count: number;
  /** Null where nothing was timed yet, as the others. */
  mean_ns: number | null;
  p50_ns: number | null;
  p99_ns: number | null;
}

export interface DiskStats {
  hits: number;
  misses: number;
  puts: number;
  put_drops: number;
  entries: number;
  bytes: number;
  max_bytes: number;
  file_bytes: number;
  waiting: number;
  degraded: string | null;
}

export interface RemoteStats {
  is_up: boolean;
  reason: string | null;
  is_tracked: boolean;
  is_trusted: boolean;
  errors: number;
  round_trip_us: number | null;
  hits: number;
  misses: number;
  fills: number;
  waiting: number;
}

export const CAUSES = ["capacity", "expired", "replaced", "removed", "invalidated", "too_heavy"] as const;
export type Cause = (typeof CAUSES)[number];

export interface CacheStats {
  gets: number;
  hits: number;
  misses: number;
  /** 0 to 1; null before the first get. */
  hit_rate: number | null;
  coalesced: number;
  stale_served: number;
  negative_hits: number;
  not_modified: number;
  fenced: number;
  loads: number;
  load_errors: number;
  load_panics: number;
  timeouts: number;
  overloads: number;
  inserts: number;
  invalidations: number;
  clears: number;
  evictions: Record<Cause, number>;
  latency: { hit: Latency; miss: Latency; load: Latency };
  disk: DiskStats | null;
  remote: RemoteStats | null;
  time_saved_ms: number;
  performance_gain: number | null;
  uptime_seconds: number;
}

export interface CacheInfo {
  name: string;
  tier: string;
  entries: number;
  capacity: number;
  weight: number;
  /** Whether the capacity is one of weight, not of entries. */
  weighed: boolean;
  ttl_ms: number | null;
  stats: CacheStats;
}

export interface Tick {
  at: string;
  caches: CacheInfo[];
}

export interface Backend {
  name: string;
  kind: string;
  state: string;
  breaker: string | null;
  reason: string | null;
  last_error: string | null;
  lag_ms: number | null;
  caches: string[];
}

export interface ServerStatus {
  state: string;
  reasons: string[];
  name: string;
  version: string;
  uptime_seconds: number;
  started_at: string;
  now: string;
  role: Role | null;
  actor: string | null;
  anonymous: boolean;
  backends: Backend[];
}

/** What was recorded in a window alone: `/v1/metrics?window=`. Series without tags bear their name as key. */
export interface WindowAnswer {
  timestamp: string;
  span_seconds: number;
  metrics: {
    counters: Record<string, { name?: string; tags?: Record<string, string>; value: number }>;
    timings: Record<string, { name?: string; tags?: Record<string, string>; count: number; mean: number | null; p50: number | null; p95: number | null; p99: number | null }>;
  };
}

/** A metric over time. Each series has the columns of its kind, `points` long; null where nothing was recorded. */
export interface MetricHistory {
  name: string;
  kind: "counter" | "gauge" | "timing";
  /** Seconds since 1970. */
  from: number;
  step: number;
  points: number;
  series: ({ tags: Record<string, string> } & Partial<Record<Column, (number | null)[]>>)[];
}
export type Column = "per_second" | "mean" | "min" | "max" | "p50" | "p95" | "p99";

/** How many answers took how long, minute by minute: `hit[minute][bucket]`. */
export interface LatencyHistory {
  bounds_us: number[];
  step_seconds: number;
  at: number[];
  hit: number[][];
  load: number[][];
}

export interface KeyReport {
  one_in: number;
  seconds: number;
  hottest: { key: string; gets_per_second: number; share: number; error: number }[];
  largest: { key: string; weight: number }[];
  slowest: { key: string; load_ms: number }[];
  prefixes: { prefix: string; entries: number; weight: number; share: number }[];
  ttl: { until_ms: number | null; entries: number }[];
  scanned: number;
  complete: boolean;
}

export interface Explained {
  key: string;
  held: {
    tier: string;
    age_ms: number;
    remaining_ms: number | null;
    usable_stale_ms: number | null;
    version: number | string | null;
    weight: number | null;
    load_ms: number | null;
    tags: string[];
    etag: string | null;
    at: number | string | null;
  } | null;
  is_absent: boolean;
  is_loading: boolean;
  last_miss: { reason: string; ago_ms: number; by?: string | null } | null;
  text: string;
}

export interface Recommendation {
  id: string;
  rule: string;
  cache: string | null;
  level: "critical" | "warning" | "info";
  title: string;
  text: string;
  evidence: { name: string; value: number | string | null; unit: string | null }[];
  change: { setting: string; from: unknown; to: unknown } | null;
  predicted: { name: string; from: number | null; to: number | null; unit: string | null }[];
  docs: string;
}

export interface Curve {
  cache: string;
  capacity: number;
  samples: number;
  points: { scale: number; capacity: number; hit_rate: number }[];
}

/** Another instance whose loads were compared, or why they were not. */
export interface Peer {
  url: string;
  error: string | null;
}

export interface Advice {
  at: string;
  recommendations: Recommendation[];
  curves: Curve[];
  peers: Peer[];
}

export interface Audit {
  actions: {
    at: string;
    actor: string;
    role: string | null;
    request_id: string;
    action: string;
    cache: string | null;
    scope: string | null;
    dry_run: boolean;
    matched: number | null;
    outcome: string;
  }[];
  dropped: number;
}

export interface Settings {
  settings: { key: string; value: unknown; source: string }[];
}

/** RFC 9457, with the members that this server adds. */
export interface Problem {
  title: string;
  status: number;
  detail?: string;
  request_id?: string;
  progress?: { files_done: number; files_total: number; bytes_done: number; bytes_total: number };
  looked_in?: string[];
  hint?: string;
}
