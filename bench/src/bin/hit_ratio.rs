//! Hit ratios on recorded streams of keys, beside peers, LRU and the optimum.
//!
//! `cargo run --release -p larder-bench --bin hit_ratio TRACE…`
//!
//! A trace is a file of the ARC, LIRS, cache2k, cloud physics, Corda, Scarab, `AdaptSize` or
//! `libCacheSim` collections, packed with xz, zstd or gzip or not; which, its name tells.

#[path = "../../../crates/larder-cli/src/simulate/reference.rs"]
mod reference;
#[path = "../../../crates/larder-cli/src/simulate/trace.rs"]
mod trace;

use std::path::Path;

use larder::{Cache, Policy};
use larder_bench::ready;
use reference::{Keys, lru, next_uses, optimum};
use trace::{Format, TraceError};

/// Capacities, in thousandths of the keys that a trace has.
const SHARES: [usize; 3] = [25, 100, 250];
const PEERS: [&str; 4] = ["quick_cache", "moka", "foyer S3-FIFO", "TinyUFO"];
/// Larder, the peers, LRU and the optimum.
const COLUMNS: usize = PEERS.len() + 3;

fn main() {
    println!(
        "| trace | capacity | Larder | {} | LRU | optimum |",
        PEERS.join(" | ")
    );
    println!("|---|--:|{}", "--:|".repeat(COLUMNS));
    let mut rows = Vec::new();
    for path in std::env::args().skip(1) {
        let path = Path::new(&path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match keys(path, &name) {
            Ok(keys) => rows.extend(trace_rows(&name, &keys)),
            Err(why) => eprintln!("{why}"),
        }
    }
    if !rows.is_empty() {
        summary(&rows);
    }
}

fn trace_rows(name: &str, keys: &Keys) -> Vec<[f64; COLUMNS]> {
    let next = next_uses(keys);
    let of_share = |share: usize| {
        let capacity = (keys.unique() * share / 1000).max(1);
        let hits = [
            larder(keys, capacity),
            quick(keys, capacity),
            moka(keys, capacity),
            foyer(keys, capacity),
            tiny_ufo(keys, capacity),
            lru(keys, capacity),
            optimum(keys, &next, capacity),
        ];
        let ratios = hits.map(|hits| 100.0 * hits as f64 / keys.requests.len() as f64);
        row(name, capacity, ratios);
        ratios
    };
    SHARES.map(of_share).to_vec()
}

fn row(name: &str, capacity: usize, ratios: [f64; COLUMNS]) {
    let ratios = ratios.map(|ratio| format!("{ratio:.2}")).join(" | ");
    println!("| {name} | {capacity} | {ratios} |");
}

/// The mean of each column, and where Larder is furthest behind a peer.
fn summary(rows: &[[f64; COLUMNS]]) {
    let mean = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>() / rows.len() as f64;
    row("mean", 0, std::array::from_fn(mean));
    let behind = |row: &[f64; COLUMNS]| {
        row[1..=PEERS.len()]
            .iter()
            .fold(0.0, |m, &r| f64::max(m, r))
            - row[0]
    };
    let worst = rows.iter().map(behind).fold(f64::MIN, f64::max);
    let over = rows.iter().filter(|row| behind(row) > 2.0).count();
    println!(
        "\nfurthest behind the best peer: {worst:.2}; more than 2 behind in {over} of {} rows",
        rows.len()
    );
}

fn larder(keys: &Keys, capacity: usize) -> u64 {
    let cache = Cache::builder("trace")
        .max_capacity(capacity as u64)
        .policy(Policy::ttl(std::time::Duration::MAX));
    let cache: Cache<u64, ()> = cache.build().expect("the cache is well described");
    count(
        keys,
        |key| cache.peek(key).is_some(),
        |key| drop(ready(cache.insert(key, ()))),
    )
}

fn quick(keys: &Keys, capacity: usize) -> u64 {
    let cache = quick_cache::sync::Cache::<u64, ()>::new(capacity);
    count(
        keys,
        |key| cache.get(key).is_some(),
        |key| cache.insert(key, ()),
    )
}

fn moka(keys: &Keys, capacity: usize) -> u64 {
    let cache = moka::sync::Cache::<u64, ()>::new(capacity as u64);
    let put = |key| {
        cache.insert(key, ());
        cache.run_pending_tasks();
    };
    count(keys, |key| cache.get(key).is_some(), put)
}

fn foyer(keys: &Keys, capacity: usize) -> u64 {
    use foyer_memory::{CacheBuilder, S3FifoConfig};
    let cache: foyer_memory::Cache<u64, ()> = CacheBuilder::new(capacity)
        .with_eviction_config(S3FifoConfig::default())
        .build();
    count(
        keys,
        |key| cache.get(key).is_some(),
        |key| drop(cache.insert(key, ())),
    )
}

fn tiny_ufo(keys: &Keys, capacity: usize) -> u64 {
    let cache = tinyufo::TinyUfo::<u64, ()>::new(capacity, capacity);
    count(
        keys,
        |key| cache.get(key).is_some(),
        |key| drop(cache.put(key, (), 1)),
    )
}

fn count(keys: &Keys, get: impl Fn(&u64) -> bool, put: impl Fn(u64)) -> u64 {
    let mut hits = 0;
    for key in keys.requests.iter().map(|&key| u64::from(key)) {
        if get(&key) {
            hits += 1;
        } else {
            put(key);
        }
    }
    hits
}

fn keys(path: &Path, name: &str) -> Result<Keys, TraceError> {
    let format = if name.contains("cache2k") || name.contains("cloud_physics_") {
        Some(Format::U32Be)
    } else if name.contains("corda") || name.contains("scarab") {
        Some(Format::I64Be)
    } else if name.contains("adapt_size") {
        Some(Format::Timed)
    } else {
        None
    };
    let mut keys = Keys::default();
    trace::read(path, format, &mut |key| {
        assert!(keys.push(key.hashed()), "a trace of more than 2³² requests");
    })?;
    Ok(keys)
}
