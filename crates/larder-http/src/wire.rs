//! The shapes of `/v1`. Not the library's types: only this edge serializes.

use std::time::Duration;

use larder::remote::{RemoteStats, SampleStats};
use larder::{AnyCache, EntryInfo, Latency, Stats, TierStats};
use serde::Serialize;

use crate::requests::RequestFigures;

#[derive(Serialize)]
pub(crate) struct CacheInfo<'a> {
    name: &'a str,
    tier: &'static str,
    entries: usize,
    capacity: u64,
    weight: u64,
    weighed: bool,
    ttl_ms: Option<u64>,
    stats: StatsInfo,
}

#[derive(Serialize)]
pub(crate) struct StatsInfo {
    gets: u64,
    hits: u64,
    misses: u64,
    hit_rate: Option<f64>,
    coalesced: u64,
    stale_served: u64,
    negative_hits: u64,
    not_modified: u64,
    fenced: u64,
    loads: u64,
    load_errors: u64,
    load_panics: u64,
    timeouts: u64,
    overloads: u64,
    inserts: u64,
    invalidations: u64,
    clears: u64,
    evictions: EvictionsInfo,
    latency: LatenciesInfo,
    disk: Option<TierInfo>,
    remote: Option<RemoteInfo>,
    time_saved_ms: f64,
    performance_gain: Option<f64>,
    uptime_seconds: f64,
}

#[derive(Serialize)]
struct EvictionsInfo {
    capacity: u64,
    expired: u64,
    replaced: u64,
    removed: u64,
    invalidated: u64,
    too_heavy: u64,
}

/// A tier under memory.
#[derive(Serialize)]
struct TierInfo {
    hits: u64,
    misses: u64,
    puts: u64,
    put_drops: u64,
    undecodable: u64,
    invalid: u64,
    expired: u64,
    evicted: u64,
    entries: u64,
    bytes: u64,
    max_bytes: u64,
    file_bytes: u64,
    waiting: u64,
    degraded: Option<String>,
}

impl From<TierStats> for TierInfo {
    fn from(stats: TierStats) -> Self {
        Self {
            hits: stats.hits,
            misses: stats.misses,
            puts: stats.puts,
            put_drops: stats.put_drops,
            undecodable: stats.undecodable,
            invalid: stats.invalid,
            expired: stats.expired,
            evicted: stats.evicted,
            entries: stats.entries,
            bytes: stats.bytes,
            max_bytes: stats.max_bytes,
            file_bytes: stats.file_bytes,
            waiting: stats.waiting,
            degraded: stats.degraded,
        }
    }
}

/// A store that processes share.
#[derive(Serialize)]
struct RemoteInfo {
    is_up: bool,
    reason: Option<String>,
    is_tracked: bool,
    is_trusted: bool,
    opened: u64,
    errors: u64,
    round_trip_us: Option<u64>,
    hits: u64,
    misses: u64,
    revalidated: u64,
    fills: u64,
    overtaken: u64,
    refused: u64,
    undecodable: u64,
    invalid: u64,
    leased: u64,
    short: u64,
    waiting: u64,
    samples: Option<SamplesInfo>,
}

/// Samples for the auditor. The instance is what the auditor calls it.
#[derive(Serialize)]
struct SamplesInfo {
    one_in: u32,
    instance: String,
    taken: u64,
    appended: u64,
    lost: u64,
}

impl From<SampleStats> for SamplesInfo {
    fn from(stats: SampleStats) -> Self {
        Self {
            one_in: stats.one_in,
            instance: format!("{:016x}", stats.instance),
            taken: stats.taken,
            appended: stats.appended,
            lost: stats.lost,
        }
    }
}

impl From<RemoteStats> for RemoteInfo {
    fn from(stats: RemoteStats) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            is_up: stats.link.is_up,
            is_tracked: stats.link.is_tracked,
            is_trusted: stats.is_trusted,
            opened: stats.link.opened,
            errors: stats.link.errors,
            round_trip_us: stats.link.round_trip.map(micros),
            reason: stats.link.reason,
            hits: stats.hits,
            misses: stats.misses,
            revalidated: stats.revalidated,
            fills: stats.fills,
            overtaken: stats.overtaken,
            refused: stats.refused,
            undecodable: stats.undecodable,
            invalid: stats.invalid,
            leased: stats.leased,
            short: stats.short,
            waiting: stats.waiting,
            samples: stats.samples.map(SamplesInfo::from),
        }
    }
}

#[derive(Serialize)]
struct LatenciesInfo {
    hit: LatencyInfo,
    miss: LatencyInfo,
    load: LatencyInfo,
}

/// Null where nothing was timed yet.
#[derive(Serialize)]
struct LatencyInfo {
    count: u64,
    mean_ns: Option<u64>,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
}

#[derive(Serialize)]
pub(crate) struct EntryWire {
    key: String,
    age_ms: u64,
    remaining_ms: Option<u64>,
    version: u64,
}

#[derive(Serialize)]
pub(crate) struct RequestsInfo {
    total: u64,
    successful: u64,
    failed: u64,
    avg_response_time_ms: f64,
}

impl<'a> CacheInfo<'a> {
    pub(crate) fn of(cache: &'a dyn AnyCache) -> Self {
        let stats = cache.stats();
        Self {
            name: cache.name(),
            tier: match (&stats.disk, &stats.remote) {
                (None, None) => "memory",
                (Some(_), None) => "memory, disk",
                (None, Some(_)) => "memory, remote",
                (Some(_), Some(_)) => "memory, disk, remote",
            },
            entries: cache.len(),
            capacity: cache.max_capacity(),
            weight: cache.weight(),
            weighed: cache.is_weighed(),
            ttl_ms: cache
                .policy()
                .time_to_live()
                .map(|ttl| ttl.as_millis() as u64),
            stats: StatsInfo::of(stats),
        }
    }
}

impl StatsInfo {
    pub(crate) fn of(stats: Stats) -> Self {
        let (hit_rate, performance_gain) = (stats.hit_rate(), stats.performance_gain());
        let evictions = stats.evictions;
        let Stats {
            hits,
            misses,
            coalesced,
            stale_served,
            fenced,
            loads,
            load_errors,
            load_panics,
            ..
        } = stats;
        Self {
            gets: hits + misses,
            hits,
            misses,
            hit_rate,
            coalesced,
            stale_served,
            negative_hits: stats.negative_hits,
            not_modified: stats.not_modified,
            fenced,
            loads,
            load_errors,
            load_panics,
            timeouts: stats.timeouts,
            overloads: stats.overloads,
            inserts: stats.inserts,
            invalidations: stats.invalidations,
            clears: stats.clears,
            evictions: EvictionsInfo {
                capacity: evictions.capacity,
                expired: evictions.expired,
                replaced: evictions.replaced,
                removed: evictions.removed,
                invalidated: evictions.invalidated,
                too_heavy: evictions.too_heavy,
            },
            latency: LatenciesInfo {
                hit: LatencyInfo::of(&stats.hit),
                miss: LatencyInfo::of(&stats.miss),
                load: LatencyInfo::of(&stats.load),
            },
            disk: stats.disk.map(TierInfo::from),
            remote: stats.remote.map(RemoteInfo::from),
            time_saved_ms: stats.time_saved.as_secs_f64() * 1e3,
            performance_gain,
            uptime_seconds: stats.uptime.as_secs_f64(),
        }
    }
}

impl LatencyInfo {
    fn of(latency: &Latency) -> Self {
        let nanos = |duration: Option<Duration>| Some(duration?.as_nanos() as u64);
        Self {
            count: latency.count,
            mean_ns: nanos(latency.mean),
            p50_ns: nanos(latency.p50),
            p99_ns: nanos(latency.p99),
        }
    }
}

impl From<EntryInfo> for EntryWire {
    fn from(entry: EntryInfo) -> Self {
        Self {
            age_ms: entry.age.as_millis() as u64,
            remaining_ms: entry
                .remaining
                .map(|remaining| remaining.as_millis() as u64),
            version: entry.version,
            key: entry.key,
        }
    }
}

impl From<RequestFigures> for RequestsInfo {
    fn from(figures: RequestFigures) -> Self {
        Self {
            total: figures.total,
            successful: figures.successful,
            failed: figures.failed,
            avg_response_time_ms: figures.avg_response_time_ms,
        }
    }
}
