//! Document 0: look-ups in a set of 50 tracks and 100 scenes, which is the built-in one.

mod events;

use std::path::{Path, PathBuf};
use std::time::Duration;

use larder_metrics::Registry;
use larder_services::live::{LiveSet, Lookup, Options, Running, demo};
use tokio::runtime::Runtime;

use super::table::Section;
use super::timing::{self, by_turns, bytes, each, each_awaited};

/// Lists, tracks with returns and master, scenes.
const WARM: usize = 2 + demo::TRACKS + 3 + demo::SCENES;
const CALLS: usize = 10_000;
const CALLS_UNCACHED: usize = 50;
const METRICS: usize = 10_000;

const LOOKUPS: [(&str, &str, Lookup); 4] = [
    (
        "find_track_by_index(0)",
        "10.5 ms → 0.08 ms, 131×",
        Lookup::TrackByIndex(0),
    ),
    (
        "find_scene_by_index(50)",
        "25.3 ms → 0.09 ms, 281×",
        Lookup::SceneByIndex(50),
    ),
    ("get_tracks()", "15.2 ms → 0.12 ms, 127×", Lookup::TracksAll),
    ("get_scenes()", "30.1 ms → 0.11 ms, 274×", Lookup::ScenesAll),
];

pub(super) fn measure(
    runtime: &Runtime,
    directory: &Path,
    rounds: usize,
) -> anyhow::Result<Section> {
    let file = directory.join("Demo.als");
    std::fs::write(&file, demo::als())?;
    let (cached, running) = runtime.block_on(open(&file, 256))?;
    let (uncached, running_uncached) = runtime.block_on(open(&file, 0))?;
    let title = "0 · live_set: versioned look-ups in a tree";
    let mut section = Section::new(
        title,
        "A set of 50 tracks and 100 scenes, as the document's; calls in the process. An answer is the JSON that a \
         client is sent; the document's were nodes of the tree.",
    );
    let mut ratios = Vec::new();
    for (what, document, lookup) in LOOKUPS {
        let pair = by_turns(
            rounds,
            || runtime.block_on(look_up(&uncached, &lookup, CALLS_UNCACHED)),
            || runtime.block_on(look_up(&cached, &lookup, CALLS)),
        )?;
        ratios.push(pair.ratio());
        let how = "rendered from the tree → from the cache";
        section.row(what, document, pair.to_string(), how);
    }
    ratios.sort_by(f64::total_cmp);
    let spread = format!(
        "{}× to {}×",
        timing::whole(ratios[0]),
        timing::whole(ratios[3])
    );
    section.row(
        "repeated look-ups",
        "10× to 100× faster",
        spread,
        "the four above",
    );
    events::rows(runtime, &cached, &file, &mut section)?;
    memory(runtime, &cached, &mut section)?;
    overhead(rounds, &mut section)?;
    runtime.block_on(async {
        running.stop().await;
        running_uncached.stop().await;
    });
    Ok(section)
}

/// The set is read, and as much is warm as the capacity lets be.
async fn open(file: &Path, capacity: usize) -> anyhow::Result<(LiveSet, Running)> {
    let (live, running) = LiveSet::start(Options {
        file: Some(PathBuf::from(file)),
        cache_capacity: capacity,
        ..Options::default()
    });
    let is_open = async {
        while live.version(&Lookup::TracksAll).is_err() || live.cache().len() < WARM.min(capacity) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), is_open).await?;
    Ok((live, running))
}

async fn look_up(live: &LiveSet, lookup: &Lookup, calls: usize) -> anyhow::Result<f64> {
    let look_up = async || {
        std::hint::black_box(live.lookup(lookup).await?);
        Ok(())
    };
    each_awaited(calls, look_up).await
}

/// Every look-up that the document caches.
fn all() -> impl Iterator<Item = Lookup> {
    [Lookup::TracksAll, Lookup::ScenesAll]
        .into_iter()
        .chain((0..demo::TRACKS).map(Lookup::TrackByIndex))
        .chain((0..demo::SCENES).map(Lookup::SceneByIndex))
}

fn memory(runtime: &Runtime, live: &LiveSet, section: &mut Section) -> anyhow::Result<()> {
    let (mut total, mut items) = (0.0, 0.0);
    for lookup in all() {
        total += runtime.block_on(live.lookup(&lookup))?.json.len() as f64;
        items += 1.0;
    }
    let how = "mean length of the 152 answers; the document kept references to nodes";
    section.row(
        "memory for a cached item",
        "~200 bytes",
        bytes(total / items),
        how,
    );
    let how =
        "all of them, which is all that 152 look-ups can be; the capacity is a setting here too";
    section.row("capacity 256; 512", "~50 kB; ~100 kB", bytes(total), how);
    Ok(())
}

/// The document's calls: a timing, a counter and a gauge, by name, two of them with a tag.
fn overhead(rounds: usize, section: &mut Section) -> anyhow::Result<()> {
    let (on, off) = (Registry::new(), Registry::new());
    off.set_enabled(false);
    let operations = |registry: &Registry| -> anyhow::Result<()> {
        let tag = [("event_type", "/live/device/param")];
        for number in 0..METRICS / 4 {
            let took = Duration::from_nanos(number as u64);
            registry.record("event.processing.duration", &tag, took)?;
            registry.count("events.received.by_type", &tag, 1)?;
            registry.count("events.received", &[], 1)?;
            registry.set("websocket.clients", &[], number as f64)?;
        }
        Ok(())
    };
    let pair = by_turns(
        rounds,
        || each(1, || operations(&on)),
        || each(1, || operations(&off)),
    )?;
    let how = "timings, counters and gauges by name and tag, in one registry";
    let (on, off) = (pair.without, pair.with);
    section.row("10,000 metrics", "< 100 ms", timing::seconds(on), how);
    let one = timing::seconds(on / METRICS as f64);
    section.row("one metric", "~10 µs", one, "the same");
    let one = timing::seconds(off / METRICS as f64);
    section.row(
        "one metric, switched off",
        "zero: early return",
        one,
        "the same",
    );
    Ok(())
}
