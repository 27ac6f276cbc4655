//! Hit ratios on recorded streams of keys, beside peers, LRU and the optimum.
//!
//! `cargo run --release -p larder-bench --bin hit_ratio TRACE…`
//!
//! A trace is a file of the ARC (`.lis`), LIRS (`.trace` of lines), cache2k, cloud physics (big-endian
//! 32 bits), Corda, Scarab (big-endian 64 bits), `AdaptSize` (`time key size`) or `libCacheSim`
//! (`.oracleGeneral.bin`) collections, packed with xz, zstd or gzip or not; which, its name tells.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use larder::{Cache, Policy};
use larder_bench::ready;

/// Capacities, in thousandths of the keys that a trace has.
const SHARES: [usize; 3] = [25, 100, 250];

fn main() {
    println!(
        "| trace | capacity | Larder | quick_cache | moka | LRU | optimum |\n|---|--:|--:|--:|--:|--:|--:|"
    );
    let mut sums = [0.0; 5];
    let mut rows = 0.0;
    for path in std::env::args().skip(1) {
        let keys = match read(Path::new(&path)) {
            Ok(keys) => keys,
            Err(why) => {
                eprintln!("{path}: {why}");
                continue;
            }
        };
        let next = next_uses(&keys);
        let distinct = next.iter().filter(|&&next| next == usize::MAX).count();
        for share in SHARES {
            let capacity = (distinct * share / 1000).max(1);
            let hits = [
                larder(&keys, capacity),
                quick(&keys, capacity),
                moka(&keys, capacity),
                lru(&keys, capacity),
                optimum(&keys, &next, capacity),
            ];
            let ratios = hits.map(|hits| 100.0 * hits as f64 / keys.len() as f64);
            row(
                &Path::new(&path)
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy(),
                capacity,
                ratios,
            );
            sums.iter_mut()
                .zip(ratios)
                .for_each(|(sum, ratio)| *sum += ratio);
            rows += 1.0;
        }
    }
    if rows > 0.0 {
        row("mean", 0, sums.map(|sum| sum / rows));
    }
}

fn row(name: &str, capacity: usize, ratios: [f64; 5]) {
    let ratios = ratios.map(|ratio| format!("{ratio:.2}")).join(" | ");
    println!("| {name} | {capacity} | {ratios} |");
}

fn larder(keys: &[u64], capacity: usize) -> usize {
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

fn quick(keys: &[u64], capacity: usize) -> usize {
    let cache = quick_cache::sync::Cache::<u64, ()>::new(capacity);
    count(
        keys,
        |key| cache.get(key).is_some(),
        |key| cache.insert(key, ()),
    )
}

fn moka(keys: &[u64], capacity: usize) -> usize {
    let cache = moka::sync::Cache::<u64, ()>::new(capacity as u64);
    let put = |key| {
        cache.insert(key, ());
        cache.run_pending_tasks();
    };
    count(keys, |key| cache.get(key).is_some(), put)
}

fn count(keys: &[u64], get: impl Fn(&u64) -> bool, put: impl Fn(u64)) -> usize {
    let hit = |&&key: &&u64| {
        let hit = get(&key);
        if !hit {
            put(key);
        }
        hit
    };
    keys.iter().filter(hit).count()
}

fn lru(keys: &[u64], capacity: usize) -> usize {
    let (mut last_use, mut by_use) = (HashMap::new(), BTreeMap::new());
    let mut hits = 0;
    for (at, &key) in keys.iter().enumerate() {
        if let Some(before) = last_use.insert(key, at) {
            by_use.remove(&before);
            hits += 1;
        }
        by_use.insert(at, key);
        if by_use.len() > capacity
            && let Some((_, oldest)) = by_use.pop_first()
        {
            last_use.remove(&oldest);
        }
    }
    hits
}

/// For each place in the stream, where its key comes next; `usize::MAX` where it does not.
fn next_uses(keys: &[u64]) -> Vec<usize> {
    let mut seen = HashMap::new();
    let mut next = vec![usize::MAX; keys.len()];
    for (at, &key) in keys.iter().enumerate().rev() {
        next[at] = seen.insert(key, at).unwrap_or(usize::MAX);
    }
    next
}

/// Belady's: what is used again last leaves first.
fn optimum(keys: &[u64], next: &[usize], capacity: usize) -> usize {
    let (mut held, mut by_next) = (HashMap::new(), BTreeMap::new());
    let mut hits = 0;
    for (at, &key) in keys.iter().enumerate() {
        // What never comes back is told apart by its place.
        let coming = (next[at], at);
        if let Some(before) = held.insert(key, coming) {
            by_next.remove(&before);
            hits += 1;
        }
        by_next.insert(coming, key);
        if by_next.len() > capacity
            && let Some((_, last)) = by_next.pop_last()
        {
            held.remove(&last);
        }
    }
    hits
}

fn read(path: &Path) -> Result<Vec<u64>, String> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let bytes = unpacked(path)?;
    let words = |width: usize| {
        bytes
            .chunks_exact(width)
            .map(|word| word.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
    };
    let keys: Vec<u64> = if name.contains("oracleGeneral") {
        bytes
            .chunks_exact(24)
            .map(|r| u64::from_le_bytes(std::array::from_fn(|i| r[4 + i])))
            .collect()
    } else if name.contains("cache2k") || name.contains("cloud_physics") {
        words(4).collect()
    } else if name.contains("corda") || name.contains("scarab") {
        words(8).collect()
    } else {
        let text =
            std::str::from_utf8(&bytes).map_err(|e| format!("expected lines of text: {e}"))?;
        let column = usize::from(name.contains("adapt_size"));
        let is_range = name.contains(".lis");
        text.lines()
            .filter(|line| !line.starts_with('*'))
            .flat_map(|line| from_line(line, column, is_range))
            .collect()
    };
    if keys.is_empty() {
        Err("expected a trace of a known name, found no keys".into())
    } else {
        Ok(keys)
    }
}

fn from_line(line: &str, column: usize, is_range: bool) -> std::ops::Range<u64> {
    let mut numbers = line
        .split_ascii_whitespace()
        .skip(column)
        .filter_map(|word| word.parse().ok());
    match (
        numbers.next(),
        if is_range { numbers.next() } else { Some(1) },
    ) {
        (Some(start), Some(count)) => start..start + count,
        _ => 0..0,
    }
}

fn unpacked(path: &Path) -> Result<Vec<u8>, String> {
    let program = match path.extension().and_then(|e| e.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => return std::fs::read(path).map_err(|e| e.to_string()),
    };
    let output = Command::new(program)
        .arg("-dc")
        .arg(path)
        .output()
        .map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
