//! The shapes of `/v1`'s answers, as far as this program reads them.
//!
//! It must not know how they are shown. A missing figure is an error: a zero in its place would be a
//! lie.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The answer of `/v1/caches`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Caches {
    pub(crate) caches: Vec<CacheInfo>,
}

/// A cache and its figures since it was built or they were begun anew.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CacheInfo {
    pub(crate) name: String,
    /// Its tiers, in words.
    pub(crate) tier: String,
    pub(crate) entries: u64,
    pub(crate) weight: u64,
    /// The most that the weights may add up to; a weight is 1 unless the cache weighs its entries.
    pub(crate) capacity: u64,
    /// Whether weights are bytes.
    pub(crate) weighed: bool,
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) stats: CacheStats,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CacheStats {
    pub(crate) gets: u64,
    pub(crate) hits: u64,
    /// `None` before the first get.
    pub(crate) hit_rate: Option<f64>,
    pub(crate) coalesced: u64,
    pub(crate) stale_served: u64,
    pub(crate) loads: u64,
    pub(crate) load_errors: u64,
    pub(crate) load_panics: u64,
    /// Entries that left memory, by cause.
    pub(crate) evictions: BTreeMap<String, u64>,
    pub(crate) latency: Latencies,
    pub(crate) disk: Option<Disk>,
    pub(crate) remote: Option<Remote>,
    pub(crate) time_saved_ms: f64,
    pub(crate) uptime_seconds: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Latencies {
    pub(crate) hit: Latency,
    pub(crate) miss: Latency,
    pub(crate) load: Latency,
}

/// The distribution of one kind of call's times; empty before the first.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) mean_ns: Option<f64>,
    pub(crate) p50_ns: Option<f64>,
    pub(crate) p99_ns: Option<f64>,
}

/// A cache's disk.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Disk {
    pub(crate) hits: u64,
    pub(crate) bytes: u64,
    pub(crate) max_bytes: u64,
    /// Why it has switched itself off.
    pub(crate) degraded: Option<String>,
}

/// A cache's shared store.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Remote {
    pub(crate) hits: u64,
    pub(crate) is_up: bool,
    pub(crate) round_trip_us: Option<u64>,
}

/// The answer of `/v1/metrics?window=…`: what was recorded in the window alone.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Window {
    pub(crate) span_seconds: f64,
    pub(crate) metrics: Metrics,
}

/// By series. One without tags bears its name as key alone.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metrics {
    pub(crate) counters: BTreeMap<String, Counted>,
    pub(crate) timings: BTreeMap<String, Timed>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Counted {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// Seconds; `None` where nothing was timed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Timed {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) count: u64,
    pub(crate) mean: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
}

/// The answer of `/v1/status`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Status {
    /// `ready`, `degraded`, `not_ready` or `stopping`.
    pub(crate) state: String,
    pub(crate) reasons: Vec<String>,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) uptime_seconds: f64,
    pub(crate) role: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) backends: Vec<Backend>,
}

/// What caches hold values in, or load them from.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Backend {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// `up`, `degraded` or `down`.
    pub(crate) state: String,
    pub(crate) breaker: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) lag_ms: Option<f64>,
    pub(crate) caches: Vec<String>,
}

/// The answer of `/v1/caches/{name}/keys`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Keys {
    /// One in how many gets was counted.
    pub(crate) one_in: u64,
    /// The time that the counts are of.
    pub(crate) seconds: f64,
    pub(crate) hottest: Vec<HotKey>,
    pub(crate) largest: Vec<LargeKey>,
    pub(crate) slowest: Vec<SlowKey>,
    pub(crate) scanned: u64,
    pub(crate) complete: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct HotKey {
    pub(crate) key: String,
    pub(crate) gets_per_second: f64,
    pub(crate) share: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LargeKey {
    pub(crate) key: String,
    pub(crate) weight: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SlowKey {
    pub(crate) key: String,
    pub(crate) load_ms: f64,
}

/// The answer of `/v1/caches/{name}/entries/{key}?explain=1`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Explained {
    /// All that is known, as a sentence.
    pub(crate) text: String,
}

/// The answer of `/v1/recommendations`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Advice {
    /// The most urgent first.
    pub(crate) recommendations: Vec<Recommendation>,
    pub(crate) curves: Vec<Curve>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Recommendation {
    pub(crate) cache: String,
    /// `critical`, `warning` or `info`.
    pub(crate) level: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) change: Option<Change>,
    pub(crate) predicted: Vec<Predicted>,
    pub(crate) docs: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Change {
    pub(crate) setting: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Predicted {
    pub(crate) name: String,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) unit: String,
}

/// The hit rate of a cache at other capacities.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Curve {
    pub(crate) cache: String,
    pub(crate) points: Vec<CurvePoint>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CurvePoint {
    pub(crate) capacity: u64,
    pub(crate) hit_rate: f64,
}
