//! What an insertion costs that puts another entry out, beside peers: new `u64` keys into a full cache
//! of 100,000 entries, one and two threads.
//!
//! `cargo run --release -p larder-bench --bin insert [ROUNDS]`

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::{Policy, sync::Cache};
use larder_bench::machine;
use larder_bench::rounds::{Subject, print, rounds};

const CAPACITY: usize = 100_000;
const INSERTIONS: usize = 200_000;

fn main() {
    let count = std::env::args()
        .nth(1)
        .map_or(25, |n| n.parse().expect("the number of rounds, 15 or more"));
    println!("{}; {count} rounds of {INSERTIONS} insertions", machine());
    let cache = Cache::builder("insert")
        .max_capacity(CAPACITY as u64)
        .policy(Policy::ttl(Duration::from_mins(1)));
    let cache: Cache<u64, u64> = cache.build().expect("the cache is well described");
    let quick = quick_cache::sync::Cache::<u64, u64>::new(CAPACITY);
    let moka = moka::sync::Cache::builder().max_capacity(CAPACITY as u64);
    let moka = moka.build_with_hasher(foldhash::fast::RandomState::default());

    let counters = [AtomicU64::new(0), AtomicU64::new(1 << 48)];
    let streams = counters
        .each_ref()
        .map(|counter| vec![Fresh(counter); INSERTIONS]);

    let subjects = [
        Subject::new("Larder, TTL and statistics", |&key: &Fresh| {
            cache.insert(key.next(), 1).is_ok()
        }),
        Subject::new("quick_cache, bare", |&key: &Fresh| {
            quick.insert(key.next(), 1);
            true
        }),
        Subject::new("moka, foldhash", |&key: &Fresh| {
            moka.insert(key.next(), 1);
            true
        }),
    ];
    for threads in [1, 2] {
        let inputs: Vec<&[Fresh]> = streams[..threads].iter().map(Vec::as_slice).collect();
        print(
            &format!("insert with eviction, {threads} thread(s)"),
            &rounds(&subjects, &inputs, count),
        );
    }
}

/// Keys that were never used before, of one thread.
#[derive(Clone, Copy)]
struct Fresh<'a>(&'a AtomicU64);

impl Fresh<'_> {
    fn next(self) -> u64 {
        let next = self.0.load(Ordering::Relaxed) + 1;
        self.0.store(next, Ordering::Relaxed);
        next
    }
}
