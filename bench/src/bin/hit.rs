//! What a hit costs, beside peers: 100,000 entries, `u64` and `String` keys, uniform and Zipf, one
//! and two threads, `u64` values and shared slices of 64 bytes. Each
//! round makes all of them anew, in another order; how far the control is from 1.00 is the noise that
//! is left.
//!
//! `cargo run --release -p larder-bench --bin hit [ROUNDS [FILTER]]`

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashTable;
use larder::{Cache, CacheKey, KeyRef, Policy};
use larder_bench::keys::{Spread, numbers};
use larder_bench::rounds::{Subject, print, rounds_anew};
use larder_bench::{machine, ready};
use parking_lot::RwLock;

const ENTRIES: usize = 100_000;
/// Room for all, however unevenly keys spread over a peer's shards.
const CAPACITY: usize = 150_000;
const GETS: usize = 400_000;
const TTL: Duration = Duration::from_hours(1);

fn main() {
    let mut args = std::env::args().skip(1);
    let count = args
        .next()
        .map_or(25, |n| n.parse().expect("the number of rounds, 15 or more"));
    let filter = args.next().unwrap_or_default();
    println!("{}; {count} rounds of {GETS} gets", machine());
    let numbered = |i: usize| i as u64;
    let named = |i: usize| format!("user:{i:012}");
    let word = |i: usize| i as u64;
    let slice = |i: usize| -> Arc<[u8]> { Arc::from([i as u8; 64]) };
    compare::<u64, u64, _>("u64 to u64", numbered, word, count, &filter);
    compare::<u64, u64, _>("u64 to 64 B", numbered, slice, count, &filter);
    compare::<String, str, _>("String to u64", named, word, count, &filter);
    compare::<String, str, _>("String to 64 B", named, slice, count, &filter);
}

fn compare<K, Q, V>(
    title: &str,
    key: fn(usize) -> K,
    value: fn(usize) -> V,
    count: usize,
    filter: &str,
) where
    K: CacheKey + Borrow<Q>,
    Q: KeyRef<K> + Hash + Eq + ?Sized + Sync,
    V: Clone + Send + Sync + 'static,
{
    let cases = [
        (Spread::Uniform, 1),
        (Spread::Uniform, 2),
        (Spread::Zipf, 1),
        (Spread::Zipf, 2),
    ];
    let title_of = |(spread, threads)| format!("{title}, {spread:?}, {threads} thread(s)");
    let cases: Vec<_> = cases
        .into_iter()
        .filter(|&case| title_of(case).contains(filter))
        .collect();
    if cases.is_empty() {
        return;
    }
    let keys: Vec<K> = (0..ENTRIES).map(key).collect();
    let make = makers::<K, Q, V>(&keys, value);
    for (spread, threads) in cases {
        let order = numbers(spread, ENTRIES, GETS * threads, 42);
        let order: Vec<&Q> = order.into_iter().map(|i| keys[i].borrow()).collect();
        let inputs: Vec<&[&Q]> = order.chunks(GETS).collect();
        print(
            &title_of((spread, threads)),
            &rounds_anew(&make, &inputs, count),
        );
    }
}

/// What makes a subject that holds the keys.
type Make<'a, Q> = Box<dyn Fn() -> Subject<'a, &'a Q> + 'a>;

fn makers<'a, K, Q, V>(keys: &'a [K], value: fn(usize) -> V) -> Vec<Make<'a, Q>>
where
    K: CacheKey + Borrow<Q>,
    Q: KeyRef<K> + Hash + Eq + ?Sized + 'a,
    V: Clone + Send + Sync + 'static,
{
    let pairs = move || keys.iter().cloned().zip((0..).map(value));
    let larder = move |name: &'static str| {
        let cache = Cache::builder("hit")
            .max_capacity(CAPACITY as u64)
            .policy(Policy::ttl(TTL))
            .build();
        let cache: Cache<K, V> = cache.expect("the cache is well described");
        pairs().for_each(|(k, v)| drop(ready(cache.insert(k, v))));
        Subject::new(name, move |key: &&Q| cache.peek(*key).is_some())
    };
    vec![
        Box::new(move || larder("Larder, TTL and statistics")),
        Box::new(move || {
            let quick = quick_cache::sync::Cache::<K, V>::new(CAPACITY);
            pairs().for_each(|(k, v)| quick.insert(k, v));
            Subject::new("quick_cache, bare", move |key: &&Q| {
                quick.get(*key).is_some()
            })
        }),
        Box::new(move || {
            let timed = Timed {
                cache: quick_cache::sync::Cache::new(CAPACITY),
                hits: 0.into(),
                misses: 0.into(),
            };
            pairs().for_each(|(k, v)| timed.cache.insert(k, (v, Instant::now() + TTL)));
            Subject::new("quick_cache, deadline and counters", move |key: &&Q| {
                timed.get(*key).is_some()
            })
        }),
        Box::new(move || {
            let moka = moka::sync::Cache::builder()
                .max_capacity(CAPACITY as u64)
                .expire_after(OneTtl);
            let moka = moka.build_with_hasher(foldhash::fast::RandomState::default());
            pairs().for_each(|(k, v)| moka.insert(k, v));
            moka.run_pending_tasks();
            Subject::new("moka, Expiry, foldhash", move |key: &&Q| {
                moka.get(*key).is_some()
            })
        }),
        Box::new(move || larder("control: Larder once more")),
        Box::new(move || {
            let papaya = papaya::HashMap::with_hasher(foldhash::fast::RandomState::default());
            pairs().for_each(|(k, v)| _ = papaya.pin().insert(k, v));
            Subject::new("floor: papaya, foldhash", move |key: &&Q| {
                papaya.pin().get(*key).cloned().is_some()
            })
        }),
        Box::new(move || {
            let floor = Floor::new();
            pairs().for_each(|(k, v)| floor.insert(k, v));
            Subject::new("floor: 64 locked maps", move |key: &&Q| {
                floor.get(*key).is_some()
            })
        }),
    ]
}

/// What one adds to `quick_cache` by hand.
struct Timed<K, V> {
    cache: quick_cache::sync::Cache<K, (V, Instant)>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl<K: Hash + Eq, V: Clone> Timed<K, V> {
    fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let found = self
            .cache
            .get(key)
            .filter(|(_, deadline)| Instant::now() < *deadline);
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        found.map(|(value, _)| value)
    }
}

/// The same time to live for each entry, told entry by entry.
struct OneTtl;

impl<K, V> moka::Expiry<K, V> for OneTtl {
    fn expire_after_create(&self, _: &K, _: &V, _: Instant) -> Option<Duration> {
        Some(TTL)
    }
}

/// The least that a shared map costs: no eviction, no TTL, no statistics.
struct Floor<K, V> {
    shards: Vec<Padded<K, V>>,
    hasher: foldhash::fast::RandomState,
}

#[repr(align(128))]
struct Padded<K, V>(RwLock<HashTable<(K, V)>>);

impl<K: Hash + Eq, V: Clone> Floor<K, V> {
    fn new() -> Self {
        let shards = (0..64)
            .map(|_| Padded(RwLock::new(HashTable::new())))
            .collect();
        Self {
            shards,
            hasher: foldhash::fast::RandomState::default(),
        }
    }

    fn insert(&self, key: K, value: V) {
        let hash = self.hasher.hash_one(&key);
        self.shard(hash)
            .write()
            .insert_unique(hash, (key, value), |(key, _)| self.hasher.hash_one(key));
    }

    fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        self.shard(hash)
            .read()
            .find(hash, |(k, _)| k.borrow() == key)
            .map(|(_, value)| value.clone())
    }

    fn shard(&self, hash: u64) -> &RwLock<HashTable<(K, V)>> {
        &self.shards[(hash >> 52) as usize % 64].0
    }
}
