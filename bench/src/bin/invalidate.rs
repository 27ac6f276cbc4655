//! What invalidating a tag costs however many entries have it, and what a hit costs that comes first
//! after it.
//!
//! `cargo run --release -p larder-bench --bin invalidate [ENTRIES]`

use std::time::{Duration, Instant};

use larder::{Cache, Policy};
use larder_bench::rounds::{interval, median};
use larder_bench::{machine, ready};

const ROUNDS: usize = 101;

fn main() {
    let most = std::env::args()
        .nth(1)
        .map_or(1_000_000, |n| n.parse().expect("the number of entries"));
    println!("{}; {ROUNDS} rounds", machine());
    println!("| entries | invalidate_tag, ns | 95 % | first hit after it, ns | next hit, ns |");
    println!("|--:|--:|---|--:|--:|");
    for entries in [most / 1_000, most] {
        row(entries);
    }
}

/// A tenth of the entries has the tag that is invalidated, and the others another.
fn row(entries: u64) {
    let cache = Cache::builder("invalidate")
        .max_capacity(entries * 2)
        .policy(Policy::ttl(Duration::from_hours(1)));
    let cache: Cache<u64, u64> = cache.build().expect("the cache is well described");
    for key in 0..entries {
        let tag = if key % 10 == 0 { "hot" } else { "cold" };
        ready(cache.entry(&key).tags([tag]).insert(key)).expect("the cache is open");
    }
    let (mut invalidations, mut first, mut next) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS as u64 {
        invalidations.push(nanos(|| {
            ready(cache.invalidate_tag("hot")).expect("the cache is open");
        }));
        let key = (round * 7_919 % (entries / 10)) * 10 + 1;
        first.push(nanos(|| assert_eq!(cache.peek(&key), Some(key))));
        next.push(nanos(|| assert_eq!(cache.peek(&key), Some(key))));
        assert_eq!(cache.peek(&(key - 1)), None, "it had the tag");
    }
    let (low, high) = interval(&invalidations);
    println!(
        "| {entries} | {:.0} | {low:.0} to {high:.0} | {:.0} | {:.0} |",
        median(&invalidations),
        median(&first),
        median(&next)
    );
}

fn nanos(run: impl FnOnce()) -> f64 {
    let started = Instant::now();
    run();
    started.elapsed().as_nanos() as f64
}
