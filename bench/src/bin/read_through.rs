//! What a look-up costs that stores what it misses, beside peers: a million `u64` keys by Zipf's law
//! with exponent 0.99, caches of 100,000 entries, one and two threads. The column `found` is the hit
//! ratio.
//!
//! `cargo run --release -p larder-bench --bin read_through [ROUNDS]`

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use larder::{Policy, sync::Cache};
use larder_bench::keys::{Spread, numbers};
use larder_bench::machine;
use larder_bench::rounds::{Subject, print, rounds};

const KEYS: usize = 1_000_000;
const CAPACITY: usize = KEYS / 10;
const GETS: usize = 300_000;
/// Look-ups made beforehand, which fill the caches.
const STREAM: usize = 4_000_000;

fn main() {
    let count = std::env::args()
        .nth(1)
        .map_or(25, |n| n.parse().expect("the number of rounds, 15 or more"));
    println!("{}; {count} rounds of {GETS} look-ups", machine());
    let stream = numbers(Spread::Zipf, KEYS, STREAM, 42);
    // Each thread walks on through the stream, from a place of its own.
    let places = [0, STREAM / 2].map(AtomicUsize::new);
    let inputs = places
        .each_ref()
        .map(|place| vec![Place(&stream, place); GETS]);
    for threads in [1, 2] {
        let subjects = subjects();
        for subject in &subjects {
            (subject.run)(&vec![Place(&stream, &places[0]); STREAM]);
        }
        let inputs: Vec<&[Place]> = inputs[..threads].iter().map(Vec::as_slice).collect();
        let title = format!("read-through, {threads} thread(s)");
        print(&title, &rounds(&subjects, &inputs, count));
    }
}

/// The next key of a thread's walk through the stream.
#[derive(Clone, Copy)]
struct Place<'a>(&'a [usize], &'a AtomicUsize);

impl Place<'_> {
    fn next(self) -> u64 {
        let at = self.1.load(Ordering::Relaxed);
        self.1.store((at + 1) % self.0.len(), Ordering::Relaxed);
        self.0[at] as u64
    }
}

fn subjects<'a>() -> Vec<Subject<'a, Place<'a>>> {
    let cache = Cache::builder("read_through")
        .max_capacity(CAPACITY as u64)
        .policy(Policy::ttl(Duration::from_hours(1)));
    let cache: Cache<u64, u64> = cache.build().expect("the cache is well described");
    let quick = quick_cache::sync::Cache::<u64, u64>::new(CAPACITY);
    let moka = moka::sync::Cache::builder().max_capacity(CAPACITY as u64);
    let moka = moka.build_with_hasher(foldhash::fast::RandomState::default());
    vec![
        Subject::new("Larder, TTL and statistics", move |place: &Place| {
            let key = place.next();
            let found = cache.peek(&key).is_some();
            if !found {
                cache.insert(key, key).expect("the cache is open");
            }
            found
        }),
        Subject::new("quick_cache, bare", move |place: &Place| {
            let key = place.next();
            let found = quick.get(&key).is_some();
            if !found {
                quick.insert(key, key);
            }
            found
        }),
        Subject::new("moka, foldhash", move |place: &Place| {
            let key = place.next();
            let found = moka.get(&key).is_some();
            if !found {
                moka.insert(key, key);
            }
            found
        }),
    ]
}
