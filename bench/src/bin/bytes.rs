//! What an entry costs in memory, beside peers: caches of `u64` to `u64`, full, each in a process of its
//! own, by the growth of the resident set.
//!
//! `cargo run --release -p larder-bench --bin bytes [ENTRIES]`

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use larder::{Cache, Policy};
use larder_bench::{machine, ready};

const SUBJECTS: [&str; 3] = ["larder", "quick_cache", "moka"];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let entries: u64 = args
        .get(1)
        .map_or(1_000_000, |n| n.parse().expect("the number of entries"));
    if let Some(subject) = args.get(2) {
        println!("{:.1}", bytes_an_entry(subject, entries));
        return;
    }
    println!(
        "{}; {entries} entries\n| subject | bytes an entry |\n|---|--:|",
        machine()
    );
    for subject in SUBJECTS {
        let output = Command::new(&args[0])
            .args([&entries.to_string(), subject])
            .output()
            .expect("this program runs");
        println!(
            "| {subject} | {} |",
            String::from_utf8_lossy(&output.stdout).trim()
        );
    }
}

fn bytes_an_entry(subject: &str, entries: u64) -> f64 {
    let before = resident_bytes();
    match subject {
        "larder" => {
            let cache = Cache::builder("bytes")
                .max_capacity(entries)
                .policy(Policy::ttl(Duration::from_hours(1)));
            let cache: Cache<u64, u64> = cache.build().expect("the cache is well described");
            (0..2 * entries).for_each(|key| drop(ready(cache.insert(key, key))));
            grown(before, cache.len() as u64, &cache)
        }
        "quick_cache" => {
            let cache = quick_cache::sync::Cache::<u64, u64>::new(entries as usize);
            (0..2 * entries).for_each(|key| cache.insert(key, key));
            grown(before, cache.len() as u64, &cache)
        }
        "moka" => {
            let cache = moka::sync::Cache::<u64, u64>::new(entries);
            (0..2 * entries).for_each(|key| cache.insert(key, key));
            cache.run_pending_tasks();
            grown(before, cache.entry_count(), &cache)
        }
        other => panic!("expected one of {SUBJECTS:?}, found {other:?}"),
    }
}

fn grown<T>(before: u64, entries: u64, held: &T) -> f64 {
    let grown = resident_bytes() - before;
    black_box(held);
    grown as f64 / entries as f64
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a system with /proc");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("the resident set's line");
    let kibibytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number of kB");
    kibibytes * 1024
}
