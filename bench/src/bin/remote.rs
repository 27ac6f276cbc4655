//! The remote tier beside the `redis` crate's client, on a real server over loopback: hits that only the
//! server can answer, one key or a hundred at a time; hits in memory beside a cache without a server; how
//! soon another process hears of an invalidation; what many wait who miss one key; how soon a server that
//! was started again is used; and what samples for the auditor cost.
//!
//! `cargo run --release -p larder-bench --bin remote [ROUNDS [FILTER]]`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use larder::{Cache, Policy, Sharing};
use larder_bench::machine;
use larder_bench::rounds::{Subject, median, print, rounds};
use larder_redis::Redis;
use larder_testkit::poll;
use larder_testkit::servers::{Options, RedisServer};
use redis::AsyncCommands;
use tokio::runtime::Runtime;

const KEYS: u64 = 10_000;
const VALUE_BYTES: usize = 200;
const TASKS: u64 = 64;
/// Gets of each task in a round.
const GETS: u64 = 100;
/// Keys of one call.
const TOGETHER: u64 = 100;
/// What a load takes that many wait for.
const LOAD: Duration = Duration::from_millis(100);

fn main() {
    let mut args = std::env::args().skip(1);
    let count = args
        .next()
        .map_or(25, |n| n.parse().expect("the number of rounds, 15 or more"));
    let filter = args.next().unwrap_or_default();
    println!("{}; {count} rounds", machine());
    let server = RedisServer::start(Options::new()).expect("a server");
    let runtime = Runtime::new().expect("a runtime");
    let is_wanted = |part: &str| part.contains(&filter);
    if is_wanted("hits") {
        hits(&server, &runtime, count);
    }
    if is_wanted("many") {
        many(&server, &runtime, count);
    }
    if is_wanted("stampede") {
        stampede(&server, &runtime, count);
    }
    if is_wanted("restart") {
        restart(&server, &runtime, count);
    }
    if is_wanted("memory") {
        memory(&server, &runtime, count);
    }
    if is_wanted("told") {
        told(&server, &runtime, count);
    }
    if is_wanted("audit") {
        audit(&server, &runtime, count);
    }
}

fn open(server: &RedisServer, runtime: &Runtime, name: &str, capacity: u64) -> Cache<u64, String> {
    let redis = Redis::at(&server.url()).expect("a URL");
    open_over(Sharing::over(redis), runtime, name, capacity)
}

fn open_over(sharing: Sharing, runtime: &Runtime, name: &str, capacity: u64) -> Cache<u64, String> {
    let _runtime = runtime.enter();
    let cache = Cache::<u64, String>::builder(name)
        .max_capacity(capacity)
        .policy(Policy::ttl(Duration::from_hours(1)))
        .remote(sharing)
        .build()
        .expect("the cache is well described");
    let is_trusted = || cache.stats().remote.is_some_and(|remote| remote.is_trusted);
    poll("a link", Duration::from_secs(10), || {
        is_trusted().then_some(())
    })
    .expect("the server runs");
    cache
}

fn value(key: u64) -> String {
    format!("{key:0>VALUE_BYTES$}")
}

/// Hits that memory does not hold.
fn hits(server: &RedisServer, runtime: &Runtime, count: usize) {
    let cache = open(server, runtime, "hits", 0);
    let client = redis::Client::open(server.url()).expect("a URL");
    let raw = runtime.block_on(client.get_multiplexed_async_connection());
    let raw = raw.expect("the server runs");
    runtime.block_on(async {
        let mut raw = raw.clone();
        for key in 0..KEYS {
            let _: () = raw
                .set(format!("raw:{key}"), value(key))
                .await
                .expect("it takes it");
            cache.insert(key, value(key)).await.expect("it takes it");
        }
    });
    let next = Arc::new(AtomicU64::new(1));
    let keys = |count: u64| {
        let next = next.clone();
        (0..count).map(move |_| next.fetch_add(7_919, Ordering::Relaxed) % KEYS)
    };
    let all = |found: Vec<Result<u64, _>>| {
        let found = found.into_iter().map(|found| found.expect("it ends"));
        found.sum::<u64>() == TASKS * GETS
    };
    let subjects = [
        Subject::new("redis-rs, one connection", |(): &()| {
            let task = |_| {
                let (mut raw, keys) = (raw.clone(), keys(GETS));
                runtime.spawn(async move {
                    let mut found = 0;
                    for key in keys {
                        let got: Option<String> =
                            raw.get(format!("raw:{key}")).await.expect("an answer");
                        found += u64::from(got.is_some());
                    }
                    found
                })
            };
            all(runtime.block_on(join_all((0..TASKS).map(task))))
        }),
        Subject::new("Larder, nothing in memory", |(): &()| {
            let task = |_| {
                let (cache, keys) = (cache.clone(), keys(GETS));
                runtime.spawn(async move {
                    let mut found = 0;
                    for key in keys {
                        let got = cache.get(&key).await.expect("an answer");
                        found += u64::from(got.is_some());
                    }
                    found
                })
            };
            all(runtime.block_on(join_all((0..TASKS).map(task))))
        }),
    ];
    print(
        &format!(
            "remote hits of {VALUE_BYTES} bytes, {TASKS} at a time: {} gets",
            TASKS * GETS
        ),
        &rounds(&subjects, &[&[()]], count),
    );
    one_by_one(&cache, &raw, runtime, count);
    println!("{:?}", cache.stats().remote);
}

/// The same hits one after the other, theirs and ours in turn: what half of them take at most.
fn one_by_one(
    cache: &Cache<u64, String>,
    raw: &redis::aio::MultiplexedConnection,
    runtime: &Runtime,
    count: usize,
) {
    let (cache, mut raw) = (cache.clone(), raw.clone());
    let gets = async move {
        let mut micros = [Vec::new(), Vec::new()];
        for key in (0..count as u64 * GETS * 10).map(|n| n * 7_919 % KEYS) {
            let started = Instant::now();
            let got: Option<String> = raw.get(format!("raw:{key}")).await.expect("an answer");
            assert!(got.is_some());
            micros[0].push(started.elapsed().as_secs_f64() * 1e6);
            let started = Instant::now();
            assert!(cache.get(&key).await.expect("an answer").is_some());
            micros[1].push(started.elapsed().as_secs_f64() * 1e6);
        }
        micros.map(|mut micros| {
            micros.sort_by(f64::total_cmp);
            median(&micros)
        })
    };
    let [theirs, ours] = runtime.block_on(runtime.spawn(gets)).expect("it ends");
    println!(
        "\none at a time: half of redis-rs's gets take {theirs:.1} µs at most, of Larder's {ours:.1} µs, {:.2} × as long",
        ours / theirs
    );
}

/// Hits that memory does not hold, a hundred keys at a time.
fn many(server: &RedisServer, runtime: &Runtime, count: usize) {
    let cache = open(server, runtime, "many", 0);
    let client = redis::Client::open(server.url()).expect("a URL");
    let raw = runtime.block_on(client.get_multiplexed_async_connection());
    let raw = raw.expect("the server runs");
    runtime.block_on(async {
        let mut raw = raw.clone();
        for key in 0..KEYS {
            let name = format!("raw:{key}");
            let _: () = raw.set(name, value(key)).await.expect("it takes it");
            cache.insert(key, value(key)).await.expect("it takes it");
        }
    });
    let starts: Vec<u64> = (0..20).map(|n| n * 461 % (KEYS - TOGETHER)).collect();
    let subjects = [
        Subject::new("redis-rs, MGET", |start: &u64| {
            let mut raw = raw.clone();
            let names: Vec<String> = (*start..*start + TOGETHER)
                .map(|key| format!("raw:{key}"))
                .collect();
            let got: Vec<Option<String>> = runtime
                .block_on(async move { raw.mget(names).await })
                .expect("an answer");
            got.iter().all(Option::is_some)
        }),
        Subject::new("Larder, get_many", |start: &u64| {
            let keys: Vec<u64> = (*start..*start + TOGETHER).collect();
            let got = runtime.block_on(cache.get_many(&keys)).expect("an answer");
            got.iter().all(Option::is_some)
        }),
    ];
    let title = format!("remote hits of {VALUE_BYTES} bytes, {TOGETHER} keys in a call");
    print(&title, &rounds(&subjects, &[&starts], count));
}

/// A thousand tasks on five caches that share a store ask for one key, whose load takes a while.
fn stampede(server: &RedisServer, runtime: &Runtime, count: usize) {
    let caches: Vec<_> = (0..5)
        .map(|_| open(server, runtime, "stampede", 2 * KEYS))
        .collect();
    let loads = Arc::new(AtomicU64::new(0));
    let mut over_ms = Vec::new();
    for key in 0..count as u64 {
        let task = |n: usize| {
            let (cache, loads) = (caches[n % caches.len()].clone(), loads.clone());
            runtime.spawn(async move {
                let started = Instant::now();
                let load = move |_| async move {
                    loads.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(LOAD).await;
                    Ok::<_, std::io::Error>(value(key))
                };
                cache.get_or_load(&key, load).await.expect("a value");
                started.elapsed().saturating_sub(LOAD)
            })
        };
        let waited = runtime.block_on(join_all((0..1_000).map(task)));
        let waited = waited.into_iter().map(|waited| waited.expect("it ends"));
        over_ms.extend(waited.map(|waited| waited.as_secs_f64() * 1e3));
    }
    over_ms.sort_by(f64::total_cmp);
    println!(
        "\n1000 tasks on 5 caches miss one key, {count} times: {} loads of {LOAD:?}; waited beyond that: median {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
        loads.load(Ordering::Relaxed),
        median(&over_ms),
        over_ms[over_ms.len() * 99 / 100],
        over_ms[over_ms.len() - 1],
    );
}

/// How long after a server has been started again its cache is used.
fn restart(server: &RedisServer, runtime: &Runtime, count: usize) {
    let cache = open(server, runtime, "restart", 2 * KEYS);
    let is_trusted = || cache.stats().remote.is_some_and(|remote| remote.is_trusted);
    let mut millis = Vec::new();
    for _ in 0..count {
        server.kill();
        poll("the end of the link", Duration::from_secs(10), || {
            (!is_trusted()).then_some(())
        })
        .expect("it was killed");
        server.restart().expect("it starts");
        let started = Instant::now();
        poll("a link", Duration::from_secs(10), || {
            is_trusted().then_some(())
        })
        .expect("the server runs");
        millis.push(started.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    println!(
        "\na server that was started again is used after: median {:.0} ms, at most {:.0} ms of {count}",
        median(&millis),
        millis[millis.len() - 1],
    );
}

/// Hits in memory, with and without a server behind.
fn memory(server: &RedisServer, runtime: &Runtime, count: usize) {
    let shared = open(server, runtime, "memory", 2 * KEYS);
    let alone = Cache::<u64, String>::builder("alone")
        .max_capacity(2 * KEYS)
        .policy(Policy::ttl(Duration::from_hours(1)))
        .build()
        .expect("the cache is well described");
    runtime.block_on(async {
        for key in 0..KEYS {
            for cache in [&shared, &alone] {
                cache.insert(key, String::new()).await.expect("it takes it");
            }
        }
        // One's own insert is told by the server too, and compared by version before it is served.
        for key in 0..KEYS {
            while shared.peek(&key).is_none() {
                shared.get(&key).await.expect("an answer");
            }
        }
    });
    let keys: Vec<u64> = (0..400_000).map(|i| i * 7_919 % KEYS).collect();
    let subjects = [
        Subject::new("Larder, memory alone", |key: &u64| {
            alone.peek(key).is_some()
        }),
        Subject::new("Larder, with a remote tier", |key: &u64| {
            shared.peek(key).is_some()
        }),
    ];
    print("hits in memory", &rounds(&subjects, &[&keys], count));
}

/// How long after an invalidation has returned another process still has the old value.
fn told(server: &RedisServer, runtime: &Runtime, count: usize) {
    let writer = open(server, runtime, "told", 2 * KEYS);
    let reader = open(server, runtime, "told", 2 * KEYS);
    let mut micros = Vec::new();
    for round in 0..count as u64 * 20 {
        let key = round % 100;
        runtime.block_on(async {
            let load = move |_| async move { Ok::<_, std::io::Error>(value(key)) };
            reader.get_or_load(&key, load).await.expect("a value");
            reader.get_or_load(&key, load).await.expect("a value");
            let started = Instant::now();
            writer.invalidate(&key).await.expect("an answer");
            while reader.peek(&key).is_some() {
                tokio::task::yield_now().await;
            }
            micros.push(started.elapsed().as_secs_f64() * 1e6);
        });
    }
    micros.sort_by(f64::total_cmp);
    let p99 = micros[micros.len() * 99 / 100];
    println!(
        "\nan invalidation, from the call until another process has dropped the value: median {:.0} µs, p99 {p99:.0} µs of {}",
        median(&micros),
        micros.len()
    );
}

/// What it costs that a key in 1,024 is sampled for the auditor: gets of 64 tasks, half of whose keys only
/// the server has, and hits in memory.
fn audit(server: &RedisServer, runtime: &Runtime, count: usize) {
    let over = |one_in, name: String, capacity| {
        let redis = Redis::at(&server.url()).expect("a URL");
        open_over(Sharing::over(redis).audit(one_in), runtime, &name, capacity)
    };
    for (capacity, gets, what) in [
        (KEYS / 2, GETS, "half of the keys in memory"),
        (2 * KEYS, 100 * GETS, "all keys in memory"),
    ] {
        let caches = [0, 1_024].map(|one_in| over(one_in, format!("audit{one_in}"), capacity));
        runtime.block_on(async {
            for cache in &caches {
                for key in 0..KEYS {
                    cache.insert(key, value(key)).await.expect("it takes it");
                }
                for key in (0..2 * KEYS).map(|key| key % KEYS) {
                    cache.get(&key).await.expect("an answer");
                }
            }
        });
        let are_all_found = |cache: &Cache<u64, String>| {
            let task = |at: u64| {
                let cache = cache.clone();
                runtime.spawn(async move {
                    let mut found = 0;
                    for key in (0..gets).map(|n| (at * gets + n) * 7_919 % KEYS) {
                        found += u64::from(cache.get(&key).await.expect("an answer").is_some());
                    }
                    found
                })
            };
            let ended = runtime.block_on(join_all((0..TASKS).map(task)));
            let found = ended.into_iter().map(|found| found.expect("it ends"));
            found.sum::<u64>() == TASKS * gets
        };
        let subjects = [
            Subject::new("no samples", |(): &()| are_all_found(&caches[0])),
            Subject::new("one key in 1,024", |(): &()| are_all_found(&caches[1])),
        ];
        let title = format!("{} gets, {what}", TASKS * gets);
        print(&title, &rounds(&subjects, &[&[()]], count));
    }
}
