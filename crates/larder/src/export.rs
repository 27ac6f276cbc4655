//! Caches' figures as scrapers read them. Knows no HTTP; what each figure means stands with
//! [`Stats`].

use larder_metrics::{Metric, Number, Samples, Sink, TagSlice};

use crate::any::AnyCache;
use crate::observe::{Latencies, Stats};
use crate::remote::RemoteStats;
use crate::tier_stats::TierStats;

/// Adds the figures of caches to an export for Prometheus, or to a [`Snapshot`](larder_metrics::Snapshot),
/// each tagged with its `cache`'s name.
///
/// The families are `larder_cache_*`; those of a tier under memory are there for the caches that have
/// one. Counts begin again when a cache's figures are reset. O(caches), each as [`Stats`] costs.
///
/// ```
/// use larder::AnyCache;
/// use larder_metrics::{Exposition, TextFormat};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let users = larder::Cache::<u64, &str>::builder("users").build()?;
/// users.insert(7, "Ada").await?;
/// users.peek(&7);
/// let mut text = Exposition::new(TextFormat::Prometheus);
/// larder::export([&users as &dyn AnyCache], &mut text);
/// let text = String::from_utf8(text.finish())?;
/// assert!(text.contains("larder_cache_gets_total{cache=\"users\",result=\"hit\"} 1\n"));
/// # Ok(()) }
/// ```
pub fn export<'a>(caches: impl IntoIterator<Item = &'a dyn AnyCache>, out: &mut impl Sink) {
    let seen = |cache: &'a dyn AnyCache| Seen {
        stats: cache.stats(),
        cache,
    };
    let seen: Vec<Seen<'_>> = caches.into_iter().map(seen).collect();
    for (name, help, write) in COUNTERS {
        out.counter(name, help, |samples| all(&seen, samples, *write));
    }
    for (name, help, write) in GAUGES {
        out.gauge(name, help, |samples| all(&seen, samples, *write));
    }
    out.timing(LATENCY.name, LATENCY.help, |samples| {
        for one in &seen {
            latencies(one, samples);
        }
    });
}

/// All that [`export`] adds, for dashboards and documents.
///
/// ```
/// assert!(larder::exported().any(|metric| metric.sample() == "larder_cache_gets_total"));
/// ```
pub fn exported() -> impl Iterator<Item = Metric> {
    let counters = COUNTERS
        .iter()
        .map(|(name, help, _)| Metric::counter(name, help));
    let gauges = GAUGES
        .iter()
        .map(|(name, help, _)| Metric::gauge(name, help));
    counters.chain(gauges).chain([LATENCY])
}

const LATENCY: Metric = Metric::summary(
    "larder_cache_latency_seconds",
    "How long hits (one in 64), misses and loaders took.",
);

/// A cache and its figures.
struct Seen<'a> {
    cache: &'a dyn AnyCache,
    stats: Stats,
}

/// Writes what a family has of one cache.
type Write = fn(&Seen<'_>, &mut Each<'_, '_>);

/// Where one cache's samples of a family go.
struct Each<'a, 'b> {
    samples: &'a mut Samples<'b>,
    cache: &'a str,
}

impl Each<'_, '_> {
    fn add(&mut self, tags: TagSlice<'_>, value: impl Into<Number>) {
        let tags = [&[("cache", self.cache)], tags].concat();
        self.samples.add(&tags, value);
    }
}

fn all(seen: &[Seen<'_>], samples: &mut Samples<'_>, write: Write) {
    for one in seen {
        let cache = one.cache.name();
        write(one, &mut Each { samples, cache });
    }
}

const COUNTERS: &[(&str, &str, Write)] = &[
    (
        "larder_cache_gets",
        "Gets, by whether the cache answered them.",
        |seen, each| {
            each.add(&[("result", "hit")], seen.stats.hits);
            each.add(&[("result", "miss")], seen.stats.misses);
        },
    ),
    (
        "larder_cache_tier_reads",
        "Reads of the tiers under memory, by whether they found a valid value; what they did not find and \
         was a hit came from memory.",
        |seen, each| {
            let disk = seen
                .stats
                .disk
                .as_ref()
                .map(|disk| (disk.hits, disk.misses));
            let remote = seen.stats.remote.as_ref();
            let remote = remote.map(|remote| (remote.hits, remote.misses));
            for (tier, reads) in [("disk", disk), ("remote", remote)] {
                if let Some((hits, misses)) = reads {
                    each.add(&[("tier", tier), ("result", "hit")], hits);
                    each.add(&[("tier", tier), ("result", "miss")], misses);
                }
            }
        },
    ),
    (
        "larder_cache_loads",
        "Loads that ended, by how.",
        |Seen { stats, .. }, each| {
            let failed = stats.load_errors + stats.load_panics;
            each.add(&[("result", "ok")], stats.loads.saturating_sub(failed));
            each.add(&[("result", "error")], stats.load_errors);
            each.add(&[("result", "panic")], stats.load_panics);
        },
    ),
    (
        "larder_cache_evictions",
        "Entries that left memory, by cause.",
        |seen, each| {
            let evictions = &seen.stats.evictions;
            for (cause, count) in [
                ("capacity", evictions.capacity),
                ("expired", evictions.expired),
                ("replaced", evictions.replaced),
                ("removed", evictions.removed),
                ("invalidated", evictions.invalidated),
                ("too_heavy", evictions.too_heavy),
            ] {
                each.add(&[("cause", cause)], count);
            }
        },
    ),
    (
        "larder_cache_coalesced",
        "Misses that waited for a load which another get had started.",
        |seen, each| each.add(&[], seen.stats.coalesced),
    ),
    (
        "larder_cache_stale_served",
        "Gets answered with a stale value.",
        |seen, each| each.add(&[], seen.stats.stale_served),
    ),
    (
        "larder_cache_negative_hits",
        "Hits whose answer was that there is no value.",
        |seen, each| each.add(&[], seen.stats.negative_hits),
    ),
    (
        "larder_cache_not_modified",
        "Loads that kept the value they had.",
        |seen, each| each.add(&[], seen.stats.not_modified),
    ),
    (
        "larder_cache_fenced",
        "Results not stored, because their key was invalidated meanwhile.",
        |seen, each| each.add(&[], seen.stats.fenced),
    ),
    (
        "larder_cache_timeouts",
        "Waits for a load that were given up.",
        |seen, each| each.add(&[], seen.stats.timeouts),
    ),
    (
        "larder_cache_overloads",
        "Gets refused because too many loads were running.",
        |seen, each| each.add(&[], seen.stats.overloads),
    ),
    (
        "larder_cache_inserts",
        "Values put in by hand.",
        |seen, each| each.add(&[], seen.stats.inserts),
    ),
    (
        "larder_cache_invalidations",
        "Invalidations of keys, tags, prefixes and patterns.",
        |seen, each| each.add(&[], seen.stats.invalidations),
    ),
    (
        "larder_cache_clears",
        "Times that a whole cache was cleared.",
        |seen, each| each.add(&[], seen.stats.clears),
    ),
    (
        "larder_cache_disk_events",
        "What became of entries on disk.",
        |seen, each| disk(seen, each, disk_events),
    ),
    (
        "larder_cache_remote_events",
        "What became of entries in the shared store, and of the link to it.",
        |seen, each| remote(seen, each, remote_events),
    ),
];

const GAUGES: &[(&str, &str, Write)] = &[
    (
        "larder_cache_entries",
        "Entries in memory.",
        |seen, each| each.add(&[], seen.cache.len()),
    ),
    (
        "larder_cache_weight",
        "What the entries in memory weigh: their number, unless the cache has a weigher.",
        |seen, each| each.add(&[], seen.cache.weight()),
    ),
    (
        "larder_cache_capacity",
        "The most that the entries in memory may weigh.",
        |seen, each| each.add(&[], seen.cache.max_capacity()),
    ),
    (
        "larder_cache_time_saved_seconds",
        "Hits times what a miss takes longer than a hit.",
        |seen, each| each.add(&[], seen.stats.time_saved),
    ),
    (
        "larder_cache_disk_entries",
        "Entries on disk.",
        |seen, each| disk(seen, each, |disk, each| each.add(&[], disk.entries)),
    ),
    (
        "larder_cache_disk_bytes",
        "What the entries on disk take.",
        |seen, each| disk(seen, each, |disk, each| each.add(&[], disk.bytes)),
    ),
    (
        "larder_cache_disk_limit_bytes",
        "The most that the entries on disk may take.",
        |seen, each| disk(seen, each, |disk, each| each.add(&[], disk.max_bytes)),
    ),
    (
        "larder_cache_disk_file_bytes",
        "The length of the file.",
        |seen, each| disk(seen, each, |disk, each| each.add(&[], disk.file_bytes)),
    ),
    (
        "larder_cache_disk_waiting",
        "Writes that wait to be durable.",
        |seen, each| disk(seen, each, |disk, each| each.add(&[], disk.waiting)),
    ),
    (
        "larder_cache_disk_up",
        "Whether the disk tier works: 0 once it has switched itself off.",
        |seen, each| {
            disk(seen, each, |disk, each| {
                each.add(&[], disk.degraded.is_none());
            });
        },
    ),
    (
        "larder_cache_remote_up",
        "Whether the link to the shared store stands.",
        |seen, each| remote(seen, each, |remote, each| each.add(&[], remote.link.is_up)),
    ),
    (
        "larder_cache_remote_trusted",
        "Whether what memory holds is served: the shared store has vouched that all changes were told.",
        |seen, each| remote(seen, each, |remote, each| each.add(&[], remote.is_trusted)),
    ),
    (
        "larder_cache_remote_tracked",
        "Whether the shared store tells of changes.",
        |seen, each| {
            remote(seen, each, |remote, each| {
                each.add(&[], remote.link.is_tracked);
            });
        },
    ),
    (
        "larder_cache_remote_round_trip_seconds",
        "The last heartbeat's round trip.",
        |seen, each| {
            remote(seen, each, |remote, each| {
                if let Some(round_trip) = remote.link.round_trip {
                    each.add(&[], round_trip);
                }
            });
        },
    ),
    (
        "larder_cache_remote_waiting",
        "Invalidations that wait to be sent.",
        |seen, each| remote(seen, each, |remote, each| each.add(&[], remote.waiting)),
    ),
];

fn disk(seen: &Seen<'_>, each: &mut Each<'_, '_>, write: fn(&TierStats, &mut Each<'_, '_>)) {
    if let Some(disk) = &seen.stats.disk {
        write(disk, each);
    }
}

fn disk_events(disk: &TierStats, each: &mut Each<'_, '_>) {
    for (event, count) in [
        ("written", disk.puts),
        ("not_written", disk.put_drops),
        ("undecodable", disk.undecodable),
        ("invalid", disk.invalid),
        ("expired", disk.expired),
        ("evicted", disk.evicted),
    ] {
        each.add(&[("event", event)], count);
    }
}

fn remote(seen: &Seen<'_>, each: &mut Each<'_, '_>, write: fn(&RemoteStats, &mut Each<'_, '_>)) {
    if let Some(remote) = &seen.stats.remote {
        write(remote, each);
    }
}

fn remote_events(remote: &RemoteStats, each: &mut Each<'_, '_>) {
    for (event, count) in [
        ("connected", remote.link.opened),
        ("failed", remote.link.errors),
        ("revalidated", remote.revalidated),
        ("written", remote.fills),
        ("overtaken", remote.overtaken),
        ("refused", remote.refused),
        ("undecodable", remote.undecodable),
        ("invalid", remote.invalid),
        ("leased", remote.leased),
        ("short", remote.short),
    ] {
        each.add(&[("event", event)], count);
    }
    if let Some(samples) = &remote.samples {
        each.add(&[("event", "sampled")], samples.taken);
        each.add(&[("event", "sample_lost")], samples.lost);
    }
}

fn latencies(seen: &Seen<'_>, samples: &mut Samples<'_>) {
    let Latencies { hit, miss, load } = seen.cache.latencies();
    for (of, timing) in [("hit", hit), ("miss", miss), ("load", load)] {
        samples.add_timing(&[("cache", seen.cache.name()), ("of", of)], &timing);
    }
}
