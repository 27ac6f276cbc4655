//! What stays warm when Live tells of a change: events by their kinds, and every look-up after each.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use larder_services::live::{LiveSet, Lookup};
use serde_json::json;
use tokio::runtime::Runtime;

use super::all;
use crate::bench::seeds::front::{self, Front};
use crate::bench::seeds::table::Section;
use crate::bench::seeds::timing::percent;

const EVENTS: i32 = 10;
/// Relayed to the clients; no part of the set.
const CURSOR: &str = "/live/cursor/track";
/// By turns, so that each is another.
const NAMES: [&str; 2] = ["Theremin", "Celesta"];
const PATIENCE: Duration = Duration::from_secs(10);

/// An argument of an event, as OSC writes it.
#[derive(Clone, Copy)]
enum Argument<'a> {
    Int(i32),
    Float(f32),
    Text(&'a str),
}

use Argument::{Float, Int, Text};

/// A kind of event: the document's name for it and its hit rate, the path, and what the nth one says.
type Kind = (
    &'static str,
    &'static str,
    &'static str,
    fn(i32) -> Vec<Argument<'static>>,
);

const KINDS: [Kind; 4] = [
    (
        "hits after a device's parameter",
        "95–99 %",
        "/live/device/param",
        |n| vec![Int(n), Int(0), Int(1), Float(0.3 + n as f32 / 100.0)],
    ),
    (
        "hits after a move of the cursor",
        "90–95 %",
        CURSOR,
        |n| vec![Int(n)],
    ),
    (
        "hits after a scene's new name",
        "85–90 %",
        "/live/scene/renamed",
        |n| vec![Int(n), Text(NAMES[n as usize % 2])],
    ),
    (
        "hits after a track's new name",
        "80–85 %",
        "/live/track/renamed",
        |n| vec![Int(n), Text(NAMES[n as usize % 2])],
    ),
];

pub(super) fn rows(
    runtime: &Runtime,
    live: &LiveSet,
    file: &Path,
    section: &mut Section,
) -> anyhow::Result<()> {
    let mut how = "each of the 152 look-ups after each of 10 events; the document names no number of look-ups";
    let mut number = 0;
    for (what, document, path, arguments) in KINDS {
        let hits = runtime.block_on(async {
            let mut hits = (0, 0);
            for turn in 0..EVENTS {
                let event = osc(number, path, &arguments(turn));
                number += 1;
                take_in(live, event, path != CURSOR).await?;
                let (hit, all) = read_all(live).await?;
                hits = (hits.0 + hit, hits.1 + all);
            }
            anyhow::Ok(hits)
        })?;
        section.row(what, document, percent(hits.0, hits.1), how);
        how = "the same";
    }
    let front = Front::serve(runtime, front::gateway().mount(live.mount()))?;
    front.post("/live/open", &json!({ "path": file }))?;
    runtime.block_on(read_all(live))?;
    front.post("/live/open", &json!({ "path": file }))?;
    let (hits, all) = runtime.block_on(read_all(live))?;
    let how = "the same file again: its tree has the same hashes, so nothing is rendered anew";
    section.row("hits after a reload", "0 %", percent(hits, all), how);
    Ok(())
}

/// Hands it an event, and waits until that is processed, and the tree changed if it changes that.
async fn take_in(live: &LiveSet, event: Vec<u8>, changes: bool) -> anyhow::Result<()> {
    let processed = || {
        let metrics = live.metrics();
        metrics["metrics"]["counters"]["events.processed"]["value"].as_u64()
    };
    let version = || live.version(&Lookup::FullAst).ok();
    let before = (processed(), version());
    anyhow::ensure!(live.datagram(event), "the queue of events is full");
    let is_processed = async {
        while processed() == before.0 || changes && version() == before.1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, is_processed).await;
    waited.context("an event was not processed")
}

/// Of all look-ups, those for which nothing was rendered. (Hits are not counted: what warms the cache after a
/// reload makes some too.)
async fn read_all(live: &LiveSet) -> anyhow::Result<(u64, u64)> {
    let before = live.cache().stats();
    let mut reads: u64 = 0;
    for lookup in all() {
        live.lookup(&lookup).await?;
        reads += 1;
    }
    let rendered = live.cache().stats().loads - before.loads;
    Ok((reads.saturating_sub(rendered), reads))
}

/// `/live/seq <number> <time> <path> <arguments>`, as a datagram.
fn osc(number: i32, path: &str, arguments: &[Argument<'_>]) -> Vec<u8> {
    let head = [Int(number), Float(0.0), Text(path)];
    let all: Vec<_> = head.into_iter().chain(arguments.iter().copied()).collect();
    let tags = all.iter().map(|argument| match argument {
        Int(_) => 'i',
        Float(_) => 'f',
        Text(_) => 's',
    });
    let mut bytes = padded("/live/seq");
    bytes.extend(padded(
        &std::iter::once(',').chain(tags).collect::<String>(),
    ));
    for argument in all {
        match argument {
            Int(value) => bytes.extend(value.to_be_bytes()),
            Float(value) => bytes.extend(value.to_be_bytes()),
            Text(text) => bytes.extend(padded(text)),
        }
    }
    bytes
}

/// With 1 to 4 zeros, up to a multiple of 4.
fn padded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize((bytes.len() / 4 + 1) * 4, 0);
    bytes
}
