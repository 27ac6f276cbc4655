//! What `get_or_load` and `get_or_load_at` cost on a hit, beside `peek`, which finds the value and no
//! more; and that none allocates.
//!
//! `cargo run --release -p larder-bench --bin load_hit [ROUNDS]`

use std::convert::Infallible;
use std::time::Duration;

use larder::{Cache, LoadCx, Policy};
use larder_bench::keys::{Spread, numbers};
use larder_bench::rounds::{Subject, print, rounds};
use larder_bench::{machine, ready};

const ENTRIES: usize = 100_000;
const GETS: usize = 400_000;

async fn load_all(cache: &Cache<u64, u64>, keys: &[u64]) -> usize {
    let mut found = 0;
    for key in keys {
        let load = |cx: LoadCx<u64, u64>| async move { Ok::<_, Infallible>(*cx.key()) };
        found += usize::from(cache.get_or_load(key, load).await.is_ok());
    }
    found
}

/// The same at a lookup version, eight keys to each.
async fn load_all_at(cache: &Cache<u64, u64>, keys: &[u64]) -> usize {
    let mut found = 0;
    for key in keys {
        let load = |cx: LoadCx<u64, u64>| async move { Ok::<_, Infallible>(*cx.key()) };
        found += usize::from(cache.get_or_load_at(key, version(*key), load).await.is_ok());
    }
    found
}

fn version(key: u64) -> u64 {
    key / 8
}

fn main() {
    let count = std::env::args()
        .nth(1)
        .map_or(25, |n| n.parse().expect("the number of rounds, 15 or more"));
    println!("{}; {count} rounds of {GETS} gets", machine());
    let cache = Cache::builder("load_hit")
        .max_capacity(ENTRIES as u64 * 3 / 2)
        .policy(Policy::ttl(Duration::from_hours(1)));
    let cache: Cache<u64, u64> = cache.build().expect("the cache is well described");
    (0..ENTRIES as u64).for_each(|key| drop(ready(cache.insert(key, key))));
    let versioned = Cache::builder("load_hit_at")
        .max_capacity(ENTRIES as u64 * 3 / 2)
        .policy(Policy::ttl(Duration::from_hours(1)));
    let versioned: Cache<u64, u64> = versioned.build().expect("the cache is well described");
    (0..ENTRIES as u64)
        .for_each(|key| drop(ready(versioned.entry(&key).at(version(key)).insert(key))));
    let subjects = [
        Subject::new("peek", |key: &u64| cache.peek(key).is_some()),
        Subject {
            name: "get_or_load, a hit, awaited",
            run: Box::new(|keys| ready(load_all(&cache, keys))),
        },
        Subject {
            name: "get_or_load_at, a hit, awaited",
            run: Box::new(|keys| ready(load_all_at(&versioned, keys))),
        },
    ];
    for (spread, threads) in [
        (Spread::Uniform, 1),
        (Spread::Zipf, 1),
        (Spread::Uniform, 2),
    ] {
        let order = numbers(spread, ENTRIES, GETS * threads, 42);
        let order: Vec<u64> = order.into_iter().map(|i| i as u64).collect();
        let inputs: Vec<&[u64]> = order.chunks(GETS).collect();
        let title = format!("{spread:?}, {threads} thread(s)");
        print(&title, &rounds(&subjects, &inputs, count));
        for subject in &subjects {
            let counted = allocation_counter::measure(|| {
                (subject.run)(inputs[0]);
            });
            println!("{}: {} allocations", subject.name, counted.count_total);
        }
    }
}
