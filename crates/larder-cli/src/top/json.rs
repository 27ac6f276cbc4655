//! The figures as one JSON document, for scripts. Its keys are told in `docs/top.md`.
//!
//! It must not know how they are drawn.

use serde_json::{Value, json};

use super::reading::{CacheReading, Did, Reading, Took};
use super::state::State;

/// What overview, caches and backends show.
pub(super) fn document(state: &State) -> Value {
    let reading = &state.reading;
    let (weight_bytes, capacity_bytes) = reading.bytes();
    let mut overview = did(&reading.all);
    overview["time_saved_ms"] = json!(reading.saved_ms());
    overview["entries"] = json!(reading.entries());
    overview["weight_bytes"] = json!(weight_bytes);
    overview["capacity_bytes"] = json!(capacity_bytes);
    overview["fullest"] = json!(
        reading
            .fullest()
            .map(|(cache, fill)| { json!({ "cache": cache.info.name, "fill": fill }) })
    );
    let requests = reading.requests;
    let failed = requests.map(|requests| requests.server_errors + requests.client_errors);
    overview["failed_requests_per_second"] = json!(failed);
    overview["server_errors_per_second"] = json!(requests.map(|requests| requests.server_errors));
    overview["client_errors_per_second"] = json!(requests.map(|requests| requests.client_errors));
    overview["latency"] = json!({
        "answers": took(reading.answers),
        "hit": slowest(reading, |cache| cache.hit),
        "load": slowest(reading, |cache| cache.load),
    });
    json!({
        "at": jiff::Timestamp::now().to_string(),
        "url": state.url,
        "window": state.shown_window().word(),
        "status": status(state),
        "overview": overview,
        "caches": reading.caches.iter().map(cache).collect::<Vec<_>>(),
    })
}

fn status(state: &State) -> Value {
    let Some(status) = &state.status.value else {
        return Value::Null;
    };
    let backends = status.backends.iter().map(|backend| {
        json!({
            "name": backend.name,
            "kind": backend.kind,
            "state": backend.state,
            "breaker": backend.breaker,
            "reason": backend.reason,
            "last_error": backend.last_error,
            "lag_ms": backend.lag_ms,
            "caches": backend.caches,
        })
    });
    json!({
        "state": status.state,
        "reasons": status.reasons,
        "name": status.name,
        "version": status.version,
        "uptime_seconds": status.uptime_seconds,
        "role": status.role,
        "backends": backends.collect::<Vec<_>>(),
    })
}

fn did(did: &Did) -> Value {
    let rate = |count: f64| json!(did.per_second(count));
    let evictions = did.evictions.iter();
    let evictions: serde_json::Map<_, _> = evictions
        .map(|(cause, count)| (cause.clone(), rate(*count)))
        .collect();
    json!({
        "seconds": did.seconds,
        "hit_ratio": did.hit_ratio(),
        "hit_ratio_by_tier": {
            "memory": did.share(did.memory_hits()),
            "disk": did.share(did.disk_hits),
            "remote": did.share(did.remote_hits),
        },
        "gets_per_second": rate(did.gets),
        "hits_per_second": rate(did.hits),
        "misses_per_second": rate(did.misses()),
        "loads_per_second": rate(did.loads),
        "failed_loads_per_second": rate(did.failed_loads),
        "coalesced_per_second": rate(did.coalesced),
        "stale_per_second": rate(did.stale),
        "evictions_per_second": evictions,
    })
}

fn cache(cache: &CacheReading) -> Value {
    let mut one = did(&cache.did);
    let info = &cache.info;
    one["name"] = json!(info.name);
    one["tier"] = json!(info.tier);
    one["entries"] = json!(info.entries);
    one["weight"] = json!(info.weight);
    one["capacity"] = json!(info.capacity);
    one["weighed"] = json!(info.weighed);
    one["fill"] = json!(cache.fill());
    one["ttl_ms"] = json!(info.ttl_ms);
    one["time_saved_ms"] = json!(info.stats.time_saved_ms);
    one["latency"] = json!({
        "hit": took(cache.hit),
        "miss": took(cache.miss),
        "load": took(cache.load),
    });
    one
}

fn slowest(reading: &Reading, of: fn(&CacheReading) -> Took) -> Value {
    reading.slowest(of).map_or(Value::Null, |(cache, tail)| {
        let mut tail = took(tail);
        tail["cache"] = json!(cache.info.name);
        tail
    })
}

fn took(took: Took) -> Value {
    json!({
        "count": took.count,
        "mean_ns": took.mean,
        "p50_ns": took.p50,
        "p95_ns": took.p95,
        "p99_ns": took.p99,
    })
}
