//! Document 3: totals of all session logs, from the last snapshot.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use larder::Clock;
use larder_http::Gateway;
use larder_services::claude_usage::{ClaudeUsage, Options, Prices, Running, Settings};
use tokio::runtime::Runtime;

use super::daemon;
use super::front::{self, Front};
use super::logs::Logs;
use super::table::Section;
use super::timing::{Pair, bytes, median, seconds, took, whole};

const PATH: &str = "/api/stats";
const INTERVAL: Duration = Duration::from_secs(2);
const HISTORY: usize = 3_600;
const CLIENTS: usize = 10;
const REQUESTS: usize = 1_000;
const APPENDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn measure(
    runtime: &Runtime,
    directory: &Path,
    rounds: usize,
) -> anyhow::Result<Section> {
    let mut logs = Logs::make(directory)?;
    let mut section = Section::new(
        "3 · claude_usage: a snapshot of a slow aggregate",
        format!(
            "{} of made-up session logs, {} messages in 200 files, read from the page cache; the document does not \
             say how much its seven seconds were for. Requests over loopback.",
            bytes(logs.bytes as f64),
            whole(logs.lines as f64)
        ),
    );
    // Each round is a start of the service, and its first answers.
    let (mut computed, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let begun = Instant::now();
        let (running, front) =
            runtime
                .block_on(start(directory))
                .and_then(|(usage, running, gateway)| {
                    let front = Front::serve(runtime, gateway.mount(usage.mount()))?;
                    Ok((running, front))
                })?;
        computed.push(begun.elapsed().as_secs_f64());
        front.get(PATH)?;
        let times = (0..20).map(|_| Ok(front.get(PATH)?.0));
        answered.push(median(times.collect::<anyhow::Result<_>>()?));
        running.stop()?;
    }
    let pair = Pair {
        without: median(computed),
        with: median(answered),
    };
    let how = "all logs read anew, as the document's program did for each request → an answer from the snapshot";
    section.row(
        "GET /api/stats",
        "7 s → < 1 ms, 700×",
        pair.to_string(),
        how,
    );
    let (usage, running, gateway) = runtime.block_on(start(directory))?;
    let front = Front::serve(runtime, gateway.mount(usage.mount()))?;
    load(&front, &mut section)?;
    staleness(&front, &mut logs, &mut section)?;
    let why = "a snapshot here also holds projects, models and days, shared between snapshots; the ring keeps a \
               point of about 100 bytes of each: see the memory below";
    section.row(
        "memory for a snapshot; 3,600",
        "~100 bytes; ~360 kB",
        "–",
        why,
    );
    let how = "the most that `larder serve` had which counts these logs, as a process of its own";
    let peak = daemon::memory_peak(directory)?.map_or("–".to_owned(), bytes);
    section.row("memory", "< 50 MB", peak, how);
    running.stop()?;
    Ok(section)
}

/// Until the first snapshot is there. Nothing is kept between two starts.
async fn start(root: &Path) -> anyhow::Result<(ClaudeUsage, Running, Gateway)> {
    let gateway = front::gateway();
    let options = Options {
        settings: Settings {
            roots: vec![root.to_owned()],
            state: None,
            zone: jiff::tz::TimeZone::UTC,
            prices: Prices::embedded(),
            threads: 2,
            clock: Clock::system(),
        },
        interval: INTERVAL,
        history: HISTORY,
        port: 0,
        requests: gateway.requests(),
        events: gateway.events(),
    };
    let (usage, running) = ClaudeUsage::start(options).await?;
    let mut versions = usage.versions();
    let first = versions.wait_for(|version| *version >= 1);
    tokio::time::timeout(PATIENCE, first)
        .await
        .context("the first scan does not end")??;
    Ok((usage, running, gateway))
}

/// `ab -n 1000 -c 10`
fn load(front: &Front, section: &mut Section) -> anyhow::Result<()> {
    let url = format!("{}{PATH}", front.url());
    let clients = (0..CLIENTS).map(|_| {
        let (agent, url) = (front::agent(), url.clone());
        std::thread::spawn(move || -> anyhow::Result<Vec<f64>> {
            let times = (0..REQUESTS / CLIENTS).map(|_| {
                let begun = Instant::now();
                agent.get(&url).call()?.body_mut().read_to_vec()?;
                Ok(begun.elapsed().as_secs_f64())
            });
            times.collect()
        })
    });
    let mut times = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        let ended = client.join();
        times.extend(ended.map_err(|_| anyhow::anyhow!("a client panicked"))??);
    }
    times.sort_by(f64::total_cmp);
    let here = format!(
        "median {}, longest {}",
        seconds(times[times.len() / 2]),
        seconds(times[times.len() - 1])
    );
    let how = "1,000 requests of 10 clients at once, connecting included";
    section.row("ab -n 1000 -c 10", "all < 20 ms", here, how);
    Ok(())
}

fn staleness(front: &Front, logs: &mut Logs, section: &mut Section) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..APPENDS {
        let messages = logs.append()? as u64;
        let begun = Instant::now();
        while front.json(PATH)?["totals"]["messages"].as_u64() != Some(messages) {
            anyhow::ensure!(begun.elapsed() < PATIENCE, "a new line is not counted");
            std::thread::sleep(Duration::from_millis(5));
        }
        times.push(begun.elapsed());
    }
    let longest = times.into_iter().max().unwrap_or_default();
    let how = "longest of 5 times from a line's end to an answer that counts it; the interval is 2 s, and a change of \
               the logs wakes it";
    section.row("staleness", "at most 2 s", took(longest), how);
    Ok(())
}
