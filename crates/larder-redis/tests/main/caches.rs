//! Whole caches that share a server.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use larder::{Applied, Cache, Policy, Sharing};
use larder_redis::Redis;
use larder_testkit::poll;
use larder_testkit::proxy::{Direction, FaultProxy};
use larder_testkit::servers::RedisServer;

use crate::main::recorder::{LIMIT, Reached, X, server};
use crate::main::sites::{Site, on_both};

/// A process of its own, as far as the server can tell.
pub(crate) fn process_at(server: &impl Reached, staleness: Duration) -> Cache<u64, u64> {
    process_of(server.redis(), staleness)
}

pub(crate) fn process(url: &str, staleness: Duration) -> Cache<u64, u64> {
    process_of(Redis::at(url).unwrap().prefix("tc"), staleness)
}

fn process_of(redis: Redis, staleness: Duration) -> Cache<u64, u64> {
    let cache = Cache::builder("users")
        .policy(Policy::ttl(Duration::from_mins(10)))
        .remote(Sharing::over(redis).staleness(staleness))
        .build()
        .unwrap();
    poll("a trusted link", LIMIT, || is_trusted(&cache).then_some(())).unwrap();
    cache
}

pub(crate) fn is_trusted(cache: &Cache<u64, u64>) -> bool {
    cache.stats().remote.is_some_and(|remote| remote.is_trusted)
}

pub(crate) struct Origin {
    pub(crate) value: AtomicU64,
    loads: AtomicU64,
}

impl Origin {
    pub(crate) fn new() -> &'static Self {
        Box::leak(Box::new(Self {
            value: AtomicU64::new(1),
            loads: AtomicU64::new(0),
        }))
    }

    pub(crate) async fn get(&'static self, cache: &Cache<u64, u64>) -> u64 {
        let load = move |_| async move {
            self.loads.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Infallible>(self.value.load(Ordering::SeqCst))
        };
        cache.get_or_load(&7, load).await.unwrap()
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

pub(crate) fn two(
    server: &impl Reached,
    staleness: Duration,
) -> (Cache<u64, u64>, Cache<u64, u64>) {
    let both = || process_at(server, staleness);
    (both(), both())
}

on_both!(what_one_loads_all_have_and_what_one_invalidates_all_drop);
/// C7, F1
async fn what_one_loads_all_have_and_what_one_invalidates_all_drop(server: Site) {
    let (a, b) = two(&server, X);
    let origin = Origin::new();
    assert_eq!(origin.get(&a).await, 1);
    assert_eq!(origin.get(&b).await, 1);
    assert_eq!(origin.loads(), 1);
    for value in 2..20 {
        origin.value.store(value, Ordering::SeqCst);
        let writer = if value % 2 == 0 { &a } else { &b };
        assert_eq!(writer.invalidate(&7).await.unwrap(), Applied::Everywhere);
        assert_eq!(origin.get(writer).await, value);
        let reader = if value % 2 == 0 { &b } else { &a };
        let begun = Instant::now();
        while origin.get(reader).await != value {
            assert!(begun.elapsed() < X, "older than the promise allows");
        }
    }
}

/// A6, F6
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_done_without_and_used_again() {
    let server = server();
    let (a, b) = two(&server, X);
    let origin = Origin::new();
    assert_eq!(origin.get(&a).await, 1);
    assert_eq!(origin.get(&b).await, 1);
    server.kill();
    poll("both to know", LIMIT, || {
        (!is_trusted(&a) && !is_trusted(&b)).then_some(())
    })
    .unwrap();
    origin.value.store(2, Ordering::SeqCst);
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Here);
    assert_eq!(origin.get(&a).await, 2);
    server.restart().unwrap();
    let returned = || (is_trusted(&a) && is_trusted(&b)).then_some(());
    if let Err(error) = poll("both to be back", LIMIT, returned) {
        panic!("{error}: {:?}, {:?}", a.stats().remote, b.stats().remote);
    }
    assert_eq!(origin.get(&b).await, 2);
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
}

/// Heartbeats and pings are read besides.
const READS_BESIDES: u64 = 30;

fn reads_of(server: &RedisServer) -> u64 {
    let stats = server.cli(&["INFO", "stats"]);
    let reads = stats
        .lines()
        .find_map(|line| line.strip_prefix("total_reads_processed:"));
    reads.unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_come_in_one_trip_for_a_hundred_of_them() {
    let server = server();
    let (a, b) = two(&server, X);
    let keys: Vec<u64> = (0..500).collect();
    let filled = a.insert_many(keys.iter().map(|key| (*key, key + 1))).await;
    assert_eq!(filled.unwrap(), Applied::Everywhere);
    let before = reads_of(&server);
    let found = b.get_many(&keys).await.unwrap();
    let trips = reads_of(&server) - before;
    for (key, entry) in keys.iter().zip(found) {
        assert_eq!(entry.map(|entry| entry.value), Some(key + 1));
    }
    assert!(trips < 5 + READS_BESIDES, "{trips} reads of the server's");
}

/// After a restart of the server each key is loaded once among all, and no faster than said.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_is_no_stampede_at_the_origin() {
    const KEYS: u64 = 20;
    let server = server();
    let paced = || {
        let redis = Redis::at(&server.url()).unwrap().prefix("tc");
        let sharing = Sharing::over(redis).staleness(X);
        let cache = Cache::<u64, u64>::builder("users")
            .policy(Policy::ttl(Duration::from_mins(10)))
            .remote(sharing.loads_per_second_after_reconnect(10))
            .build()
            .unwrap();
        poll("a trusted link", LIMIT, || is_trusted(&cache).then_some(())).unwrap();
        cache
    };
    let caches: Vec<_> = (0..5).map(|_| paced()).collect();
    caches[0].insert(0, 0).await.unwrap();
    server.kill();
    let is_lost = || caches.iter().all(|cache| !is_trusted(cache)).then_some(());
    poll("all to know", LIMIT, is_lost).unwrap();
    server.restart().unwrap();
    let is_back = || caches.iter().all(is_trusted).then_some(());
    poll("all to be back", LIMIT, is_back).unwrap();
    let (loads, began) = (&*Box::leak(Box::new(AtomicU64::new(0))), Instant::now());
    let mut gets = Vec::new();
    for (cache, key) in caches
        .iter()
        .flat_map(|cache| (0..KEYS).map(move |key| (cache, key)))
    {
        let cache = cache.clone();
        gets.push(tokio::spawn(async move {
            let load = move |_| async move {
                loads.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Infallible>(key)
            };
            cache.get_or_load(&key, load).await.unwrap()
        }));
    }
    for get in gets {
        get.await.unwrap();
    }
    assert_eq!(loads.load(Ordering::SeqCst), KEYS);
    // Five processes begin 1 load at once, then 10 in a second each.
    let least = Duration::from_millis((KEYS / 5 - 1) * 100);
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
}

/// F4, J10: a reader whose link is a black hole serves nothing older than X.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_hears_nothing_serves_nothing_older_than_x() {
    let server = server();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let a = process(&server.url(), X);
    let b = process(&format!("redis://{}", proxy.addr()), X);
    let origin = Origin::new();
    assert_eq!(origin.get(&a).await, 1);
    assert_eq!(origin.get(&b).await, 1);
    proxy.black_hole(Direction::ToClient);
    origin.value.store(2, Ordering::SeqCst);
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
    let acknowledged = Instant::now();
    loop {
        let begun = acknowledged.elapsed();
        let value = origin.get(&b).await;
        if value == 2 {
            break;
        }
        assert!(
            begun < X,
            "served {value} in a get that began {begun:?} later"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    proxy.heal();
    poll("it to be back", LIMIT, || is_trusted(&b).then_some(())).unwrap();
    assert_eq!(origin.get(&b).await, 2);
}

on_both!(an_invalidation_that_nobody_waits_for_any_more_is_told_all_the_same);
async fn an_invalidation_that_nobody_waits_for_any_more_is_told_all_the_same(server: Site) {
    let (a, b) = two(&server, X);
    let origin = Origin::new();
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (1, 1));
    origin.value.store(2, Ordering::SeqCst);
    {
        let mut invalidation = std::pin::pin!(a.invalidate(&7));
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        // It is under way, or done by now.
        let _ = invalidation.as_mut().poll(&mut context);
    }
    let begun = Instant::now();
    while origin.get(&b).await != 2 {
        assert!(begun.elapsed() < LIMIT, "it was never told");
    }
}
