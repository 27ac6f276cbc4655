//! What the caches did in a window, from the daemon's answers.
//!
//! It must not know how anything is drawn, nor who asked.

use std::collections::BTreeMap;

use crate::client::{CacheInfo, Timed, Window};

/// Counts of one cache, or of all, over a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Did {
    /// The time that the counts are of.
    pub(super) seconds: f64,
    pub(super) gets: f64,
    pub(super) hits: f64,
    pub(super) disk_hits: f64,
    pub(super) remote_hits: f64,
    pub(super) loads: f64,
    pub(super) failed_loads: f64,
    pub(super) coalesced: f64,
    pub(super) stale: f64,
    /// By cause.
    pub(super) evictions: BTreeMap<String, f64>,
}

impl Did {
    /// A count of it, a second; `None` before any time has gone by.
    pub(super) fn per_second(&self, count: f64) -> Option<f64> {
        (self.seconds > 0.0).then(|| count / self.seconds)
    }

    /// Part of all gets; `None` before the first.
    pub(super) fn share(&self, gets: f64) -> Option<f64> {
        (self.gets > 0.0).then(|| (gets / self.gets).clamp(0.0, 1.0))
    }

    pub(super) fn hit_ratio(&self) -> Option<f64> {
        self.share(self.hits)
    }

    /// Hits that no lower tier answered.
    pub(super) fn memory_hits(&self) -> f64 {
        (self.hits - self.disk_hits - self.remote_hits).max(0.0)
    }

    pub(super) fn misses(&self) -> f64 {
        (self.gets - self.hits).max(0.0)
    }

    pub(super) fn evicted(&self) -> f64 {
        self.evictions.values().sum()
    }

    fn since_start(info: &CacheInfo) -> Self {
        let stats = &info.stats;
        let count = |number: u64| number as f64;
        let evictions = stats.evictions.iter();
        Self {
            seconds: stats.uptime_seconds,
            gets: count(stats.gets),
            hits: count(stats.hits),
            disk_hits: count(stats.disk.as_ref().map_or(0, |disk| disk.hits)),
            remote_hits: count(stats.remote.as_ref().map_or(0, |remote| remote.hits)),
            loads: count(stats.loads),
            failed_loads: count(stats.load_errors + stats.load_panics),
            coalesced: count(stats.coalesced),
            stale: count(stats.stale_served),
            evictions: evictions
                .map(|(cause, n)| (cause.clone(), count(*n)))
                .collect(),
        }
    }

    /// Adds a counter of the window, if it is one of those.
    fn count(&mut self, name: &str, tags: &BTreeMap<String, String>, value: f64) {
        let tag = |name: &str| tags.get(name).map_or("", String::as_str);
        match (name, tag("result")) {
            ("larder_cache_gets", result) => {
                self.gets += value;
                if result == "hit" {
                    self.hits += value;
                }
            }
            ("larder_cache_tier_reads", "hit") => match tag("tier") {
                "disk" => self.disk_hits += value,
                _ => self.remote_hits += value,
            },
            ("larder_cache_loads", result) => {
                self.loads += value;
                if result != "ok" {
                    self.failed_loads += value;
                }
            }
            ("larder_cache_coalesced", _) => self.coalesced += value,
            ("larder_cache_stale_served", _) => self.stale += value,
            ("larder_cache_evictions", _) => {
                *self.evictions.entry(tag("cause").to_owned()).or_default() += value;
            }
            _ => {}
        }
    }

    fn add(&mut self, other: &Self) {
        self.seconds = self.seconds.max(other.seconds);
        self.gets += other.gets;
        self.hits += other.hits;
        self.disk_hits += other.disk_hits;
        self.remote_hits += other.remote_hits;
        self.loads += other.loads;
        self.failed_loads += other.failed_loads;
        self.coalesced += other.coalesced;
        self.stale += other.stale;
        for (cause, count) in &other.evictions {
            *self.evictions.entry(cause.clone()).or_default() += count;
        }
    }
}

/// How long one kind of call took, in nanoseconds; `None` where nothing was timed, or the daemon does
/// not tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Took {
    pub(super) count: u64,
    pub(super) mean: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
}

impl From<&Timed> for Took {
    fn from(timed: &Timed) -> Self {
        let ns = |seconds: Option<f64>| Some(seconds? * 1e9);
        Self {
            count: timed.count,
            mean: ns(timed.mean),
            p50: ns(timed.p50),
            p95: ns(timed.p95),
            p99: ns(timed.p99),
        }
    }
}

/// One cache: how it stands, and what it did.
#[derive(Debug, Clone)]
pub(super) struct CacheReading {
    pub(super) info: CacheInfo,
    pub(super) did: Did,
    pub(super) hit: Took,
    pub(super) miss: Took,
    pub(super) load: Took,
}

impl CacheReading {
    /// How full it is, 0 to 1.
    pub(super) fn fill(&self) -> Option<f64> {
        let CacheInfo {
            weight, capacity, ..
        } = self.info;
        (capacity > 0).then(|| weight as f64 / capacity as f64)
    }

    fn since_start(info: &CacheInfo) -> Self {
        let latency = &info.stats.latency;
        let [hit, miss, load] = [&latency.hit, &latency.miss, &latency.load].map(|latency| Took {
            count: latency.count,
            mean: latency.mean_ns,
            p50: latency.p50_ns,
            p95: None,
            p99: latency.p99_ns,
        });
        Self {
            did: Did::since_start(info),
            info: info.clone(),
            hit,
            miss,
            load,
        }
    }

    fn in_window(info: &CacheInfo, window: &Window) -> Self {
        let is_of = |tags: &BTreeMap<String, String>| {
            tags.get("cache").is_some_and(|cache| *cache == info.name)
        };
        let mut did = Did {
            seconds: window.span_seconds,
            ..Did::default()
        };
        let counters = window.metrics.counters.values();
        for counter in counters.filter(|counter| is_of(&counter.tags)) {
            did.count(&counter.name, &counter.tags, counter.value);
        }
        let timings = window.metrics.timings.values();
        let timings: Vec<&Timed> = timings
            .filter(|timed| timed.name == "larder_cache_latency_seconds" && is_of(&timed.tags))
            .collect();
        let took = |of: &str| {
            let found = timings
                .iter()
                .find(|timed| timed.tags.get("of").is_some_and(|tag| tag == of));
            found.map_or_else(Took::default, |timed| Took::from(*timed))
        };
        let (hit, miss, load) = (took("hit"), took("miss"), took("load"));
        Self {
            info: info.clone(),
            did,
            hit,
            miss,
            load,
        }
    }
}

/// All caches, over one window.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) caches: Vec<CacheReading>,
    pub(super) all: Did,
    /// The daemon's answers, where the window tells of them.
    pub(super) answers: Took,
    pub(super) requests: Option<Requests>,
}

impl Reading {
    /// Of the window, or else since the start.
    pub(super) fn new(caches: &[CacheInfo], window: Option<&Window>) -> Self {
        let caches: Vec<_> = caches
            .iter()
            .map(|info| match window {
                Some(window) => CacheReading::in_window(info, window),
                None => CacheReading::since_start(info),
            })
            .collect();
        let mut all = Did::default();
        for cache in &caches {
            all.add(&cache.did);
        }
        let answers = window.and_then(|window| window.metrics.timings.get("http_latency_seconds"));
        Self {
            caches,
            all,
            answers: answers.map_or_else(Took::default, Took::from),
            requests: window.and_then(Requests::of),
        }
    }

    pub(super) fn cache(&self, name: &str) -> Option<&CacheReading> {
        self.caches.iter().find(|cache| cache.info.name == name)
    }

    /// The cache with the longest tail of one kind of call, and that tail.
    pub(super) fn slowest(&self, of: fn(&CacheReading) -> Took) -> Option<(&CacheReading, Took)> {
        let timed = self.caches.iter().map(|cache| (cache, of(cache)));
        let timed = timed.filter(|(_, took)| took.p99.is_some());
        timed.max_by(|(_, one), (_, other)| {
            one.p99.unwrap_or(0.0).total_cmp(&other.p99.unwrap_or(0.0))
        })
    }

    /// Weight and limit of the caches that weigh their entries, in bytes.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let weighed = self.caches.iter().filter(|cache| cache.info.weighed);
        weighed.fold((0, 0), |(weight, capacity), cache| {
            (
                weight + cache.info.weight,
                capacity.saturating_add(cache.info.capacity),
            )
        })
    }

    pub(super) fn entries(&self) -> u64 {
        self.caches.iter().map(|cache| cache.info.entries).sum()
    }

    /// The cache that has used most of its limit, and how much.
    pub(super) fn fullest(&self) -> Option<(&CacheReading, f64)> {
        let filled = self
            .caches
            .iter()
            .filter_map(|cache| Some((cache, cache.fill()?)));
        filled.max_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    /// What callers would have waited without the caches, since the start.
    pub(super) fn saved_ms(&self) -> f64 {
        self.caches
            .iter()
            .map(|cache| cache.info.stats.time_saved_ms)
            .sum()
    }

    /// Hits since the start.
    pub(super) fn hits_ever(&self) -> u64 {
        self.caches.iter().map(|cache| cache.info.stats.hits).sum()
    }
}

/// How many requests went wrong a second, by whose mistake it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requests {
    /// Answered with a status of 500 or more.
    pub(super) server_errors: f64,
    /// Answered with 400 to 499.
    pub(super) client_errors: f64,
}

impl Requests {
    fn of(window: &Window) -> Option<Self> {
        let per_second = |wanted: &str| {
            let answers = window.metrics.counters.values();
            let ended = answers.filter(|counter| {
                let result = counter.tags.get("result");
                counter.name == "http_answers" && result.is_some_and(|result| result == wanted)
            });
            ended.map(|counter| counter.value).sum::<f64>() / window.span_seconds
        };
        (window.span_seconds > 0.0).then(|| Self {
            server_errors: per_second("server_error"),
            client_errors: per_second("client_error"),
        })
    }
}
