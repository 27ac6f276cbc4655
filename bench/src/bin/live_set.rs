//! The service `live` on a set: reading it against inflating it alone, look-ups, edits, events, clients.
//!
//! ```sh
//! cargo run --release -p larder-bench --bin live_set -- FILE.als
//! ```

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::bufread::GzDecoder;
use futures_util::StreamExt as _;
use larder_bench::{machine, rounds::median};
use larder_http::{Access, Gateway, Hosts, Role};
use larder_services::live::als::{self, Limits};
use larder_services::live::{Kind, LiveSet, Lookup, Options, Query, Tree, Value};
use rosc::{OscMessage, OscPacket, OscType, encoder};
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 15;
const LOOKUPS: usize = 2_000_000;
const EDITS: usize = 100_000;
const EVENTS: i32 = 50_000;
const EVENTS_PER_S: i32 = 10_000;
const CLIENTS: usize = 100;
const DIFFS: i32 = 500;
/// A client that hears nothing for so long has heard all that it will.
const SILENCE: Duration = Duration::from_secs(10);

fn main() -> Outcome {
    let file = std::env::args().nth(1).ok_or("usage: live_set FILE.als")?;
    let file = std::path::absolute(file)?;
    println!("{}\n{}", machine(), file.display());
    let tree = reading(&file)?;
    let asked = asked(&tree)?;
    edits(tree);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(running(file, &asked))
}

/// Reading and inflating by turns, so that both see the machine alike.
fn reading(file: &Path) -> Outcome<Tree> {
    let (mut inflating, mut loading, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    let mut bytes = 0;
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        bytes = inflate(file)?;
        let inflated = begun.elapsed().as_secs_f64() * 1e3;
        drop(last.take());
        let begun = Instant::now();
        let set = als::open(file, &Limits::default())?;
        let loaded = begun.elapsed().as_secs_f64() * 1e3;
        if round > 0 {
            inflating.push(inflated);
            loading.push(loaded);
            ratios.push(loaded / inflated);
        }
        last = Some(set);
    }
    let set = last.ok_or("no round ran")?;
    println!(
        "load to ready tree {:.1} ms, gunzip alone {:.1} ms, ratio {:.2} ({:.1} MB of XML, {} nodes)",
        median(&loading),
        median(&inflating),
        median(&ratios),
        bytes as f64 / 1e6,
        set.tree.nodes()
    );
    Ok(set.tree)
}

fn inflate(file: &Path) -> Outcome<u64> {
    let packed = BufReader::with_capacity(64 << 10, File::open(file)?);
    let mut inflated = GzDecoder::new(packed);
    let (mut buffer, mut bytes) = (vec![0; 64 << 10], 0);
    loop {
        match inflated.read(&mut buffer)? {
            0 => return Ok(bytes),
            read => bytes += read as u64,
        }
        std::hint::black_box(&buffer);
    }
}

/// The last parameter of the device that has most, so that the path has the most hashes to read.
fn edits(mut tree: Tree) {
    let mut largest = (0, Vec::new());
    tree.root().walk(&mut |node, path| {
        let (from, parameters) = node.of_kind(Kind::Parameter);
        if parameters.len() > largest.0 {
            let last = from + parameters.len() - 1;
            largest = (
                parameters.len(),
                path.iter().copied().chain([last]).collect(),
            );
        }
    });
    let (parameters, path) = largest;
    if parameters == 0 {
        return println!("an edit: the set has no devices");
    }
    let mut edit = |name: &str, is_held: bool| {
        let begun = Instant::now();
        for step in 0..EDITS {
            let held = is_held.then(|| tree.root().clone());
            tree.set(&path, "value", Value::Float(step as f64));
            drop(held);
        }
        let nanos = begun.elapsed().as_nanos() as f64 / EDITS as f64;
        println!("an edit's rehash {nanos:.0} ns ({name}; the device has {parameters} parameters)");
    };
    edit("nobody reads meanwhile", false);
    edit("a reader holds the older tree, so the path is copied", true);
}

/// Look-ups of each kind that the set has something for.
fn asked(tree: &Tree) -> Outcome<Vec<(&'static str, Lookup)>> {
    let mut first = [const { None }; Kind::ALL.len()];
    tree.root().walk(&mut |node, _| {
        first[node.kind() as usize].get_or_insert_with(|| node.id().to_owned());
    });
    let id = |kind: Kind| first[kind as usize].as_deref();
    let mut asked = vec![
        ("track_by_index", Lookup::TrackByIndex(0)),
        ("scene_by_index", Lookup::SceneByIndex(1)),
        ("tracks_all", Lookup::TracksAll),
        (
            "nodes of a kind",
            Lookup::Nodes(Query::new(Some("device"), None, None)?),
        ),
    ];
    asked.extend(id(Kind::Device).map(|id| ("device_by_id", Lookup::DeviceById(id.into()))));
    asked.extend(id(Kind::Clip).map(|id| ("clip_by_id", Lookup::ClipById(id.into()))));
    Ok(asked)
}

async fn running(file: PathBuf, asked: &[(&'static str, Lookup)]) -> Outcome {
    let (live, running) = LiveSet::start(Options {
        file: Some(file),
        udp: Some(([127, 0, 0, 1], 0).into()),
        ..Options::default()
    });
    while live.version(&Lookup::TracksAll).is_err() {
        tokio::task::yield_now().await;
    }
    lookups(&live, asked).await?;
    events(&live).await?;
    clients(&live).await?;
    running.stop().await;
    Ok(())
}

async fn lookups(live: &LiveSet, asked: &[(&'static str, Lookup)]) -> Outcome {
    for (name, lookup) in asked {
        live.lookup(lookup).await?;
        let begun = Instant::now();
        for _ in 0..LOOKUPS {
            std::hint::black_box(live.lookup(lookup).await?);
        }
        let warm = begun.elapsed().as_nanos() as f64 / LOOKUPS as f64;
        let mut cold = Vec::new();
        for _ in 0..20 {
            live.cache().invalidate(lookup).await?;
            let begun = Instant::now();
            live.lookup(lookup).await?;
            cold.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        println!(
            "a warm look-up of {name} {warm:.0} ns, rendered anew {:.0} µs",
            median(&cold)
        );
    }
    Ok(())
}

fn event(number: i32, path: &str, args: impl IntoIterator<Item = OscType>) -> Vec<u8> {
    let head = [
        OscType::Int(number),
        OscType::Float(0.0),
        OscType::String(path.to_owned()),
    ];
    let message = OscMessage {
        addr: "/live/seq".to_owned(),
        args: head.into_iter().chain(args).collect(),
    };
    encoder::encode(&OscPacket::Message(message)).expect("the message is small")
}

fn counter(live: &LiveSet, name: &str) -> u64 {
    let metrics = live.metrics();
    metrics["metrics"]["counters"][name]["value"]
        .as_u64()
        .unwrap_or(0)
}

async fn events(live: &LiveSet) -> Outcome {
    let address = live
        .udp()
        .wait_for(Option::is_some)
        .await?
        .ok_or("no port")?;
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(address).await?;
    let (burst, begun) = (EVENTS_PER_S / 100, Instant::now());
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for from in (0..EVENTS).step_by(burst.unsigned_abs() as usize) {
        pace.tick().await;
        for number in from..from + burst {
            let volume = OscType::Float(0.5 + number as f32 / 1e6);
            let datagram = event(
                number,
                "/live/track/volume",
                [OscType::Int(number % 4), volume],
            );
            socket.send(&datagram).await?;
        }
    }
    let took = begun.elapsed();
    let sent = EVENTS.unsigned_abs().into();
    let patience = Instant::now();
    while counter(live, "events.processed") < sent && patience.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let summary = live.metrics_summary();
    println!(
        "{EVENTS} events at {:.0}/s: {} processed, {} lost, {} dropped, {:.1} µs each (p95 {:.1} µs)",
        f64::from(EVENTS) / took.as_secs_f64(),
        counter(live, "events.processed"),
        summary["udp"]["lost_events"],
        summary["udp"]["dropped"],
        summary["event_processing"]["avg_processing_time"]
            .as_f64()
            .unwrap_or(0.0)
            * 1e6,
        summary["event_processing"]["p95_processing_time"]
            .as_f64()
            .unwrap_or(0.0)
            * 1e6,
    );
    Ok(())
}

/// From the datagram to the last client's receipt, in this process.
async fn clients(live: &LiveSet) -> Outcome {
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let access = Access::new("token", Some(Role::Viewer));
    let gateway = Gateway::new("larder", "0", access, Hosts::default(), stopping);
    let router = gateway.mount(live.mount()).into_router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    let epoch = Instant::now();
    let mut readers = Vec::new();
    for _ in 0..CLIENTS {
        let url = format!("ws://{address}/live/ws");
        // The default of 128 KiB is cleared at each look, which would be most of what is measured.
        let small = WebSocketConfig::default().read_buffer_size(4 << 10);
        let (mut socket, _) = connect_async_with_config(url, Some(small), true).await?;
        socket.next().await.ok_or("no tree")??;
        readers.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while latencies.len() < DIFFS.unsigned_abs() as usize {
                let Ok(Some(Ok(message))) = timeout(SILENCE, socket.next()).await else {
                    break;
                };
                if let Message::Text(text) = message
                    && let Some(sent) = stamp_of(&text)
                {
                    latencies.push(epoch.elapsed().as_secs_f64() * 1e3 - sent);
                }
            }
            latencies
        }));
    }
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0..DIFFS {
        pace.tick().await;
        // With the number, since a name that is the same again is no change.
        let name = format!("@{:.3}@{number}", epoch.elapsed().as_secs_f64() * 1e3);
        let renamed = event(
            EVENTS + number,
            "/live/track/renamed",
            [OscType::Int(0), OscType::String(name)],
        );
        if !live.datagram(renamed) {
            return Err("the queue is full".into());
        }
    }
    let mut latencies = Vec::new();
    for reader in readers {
        latencies.extend(reader.await?);
    }
    latencies.sort_by(f64::total_cmp);
    let quantile = |q: f64| latencies[(latencies.len() as f64 * q) as usize - 1];
    let summary = live.metrics_summary();
    println!(
        "a diff at {CLIENTS} clients, from datagram to receipt: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms ({} receipts of {}; \
         the service's own p99 {:.2} ms)",
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        latencies.len(),
        CLIENTS * DIFFS.unsigned_abs() as usize,
        summary["websocket"]["p99_broadcast_latency"]
            .as_f64()
            .unwrap_or(0.0)
            * 1e3,
    );
    Ok(())
}

/// The time in the new name, in milliseconds of the run.
fn stamp_of(text: &str) -> Option<f64> {
    let (_, new) = text.split_once("\"new_value\"")?;
    new.split('@').nth(1)?.parse().ok()
}
