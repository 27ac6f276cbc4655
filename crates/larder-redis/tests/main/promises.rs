//! The scenarios of caches that share a store, over a real server. (The fake's tests have their
//! finer points, in virtual time.)

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use larder::remote::Acquired;
use larder::{Applied, Cache, CutOff, Disk, Policy, Sharing, Source};
use larder_redis::Redis;
use larder_testkit::poll;
use larder_testkit::proxy::{Direction, FaultProxy};
use larder_testkit::servers::{Options, RedisServer};

use crate::main::caches::{Origin, is_trusted, process, two};
use crate::main::recorder::{LIMIT, Node, X, is_tracker, kill_client, server, want};

fn proxied(proxy: &FaultProxy) -> Cache<u64, u64> {
    process(&format!("redis://{}", proxy.addr()), X)
}

fn trusts_again(cache: &Cache<u64, u64>) {
    let is_so = || is_trusted(cache).then_some(());
    if let Err(error) = poll("a trusted link", LIMIT, is_so) {
        panic!("{error}: {:?}", cache.stats().remote);
    }
}

fn is_cut_off(cache: &Cache<u64, u64>) {
    let is_so = || (!is_trusted(cache)).then_some(());
    poll("a lost link", LIMIT, is_so).unwrap();
}

fn exists(server: &RedisServer, key: &str) -> bool {
    server.cli(&["EXISTS", &format!("tc:e:{{users:{key}}}")]) == "1"
}

/// B8
#[tokio::test(flavor = "multi_thread")]
async fn five_processes_that_miss_together_load_once() {
    let server = server();
    let caches: Vec<_> = (0..5).map(|_| process(&server.url(), X)).collect();
    let loads = Arc::new(AtomicU64::new(0));
    let gets = caches
        .iter()
        .flat_map(|cache| vec![cache; 20])
        .map(|cache| {
            let (cache, loads) = (cache.clone(), loads.clone());
            tokio::spawn(async move {
                let load = move |_| async move {
                    loads.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    Ok::<_, Infallible>(1)
                };
                cache.get_or_load(&7, load).await.unwrap()
            })
        });
    for get in gets.collect::<Vec<_>>() {
        assert_eq!(get.await.unwrap(), 1);
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

/// B9
#[tokio::test(flavor = "multi_thread")]
async fn when_the_holder_of_a_lease_is_gone_another_loads_once_it_has_run_out() {
    let server = server();
    let cache = process(&server.url(), X);
    let lease = Duration::from_millis(700);
    // A process that dies with the lease: nobody gives it back.
    let holder = Redis::at(&server.url()).unwrap().prefix("tc");
    let holder = Node::join(&holder, "users", X);
    holder.comes_up(1);
    let taken = larder::remote::Want { lease, ..want(1) };
    let since = Instant::now();
    assert_eq!(
        holder.link.acquire("7", taken).await.unwrap(),
        Acquired::Ours
    );
    let origin = Origin::new();
    assert_eq!(origin.get(&cache).await, 1);
    assert!(since.elapsed() >= lease, "{:?}", since.elapsed());
    assert_eq!(cache.stats().remote.unwrap().short, 0);
    holder.link.release("7", 1).await.unwrap();
    assert_eq!(
        holder.fills("7", 1, "late").await,
        larder::remote::Filled::Overtaken
    );
    assert_eq!(
        process(&server.url(), X)
            .get(&7)
            .await
            .unwrap()
            .unwrap()
            .value,
        1
    );
}

/// B10, E10
#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_each_process_loads_once_for_itself_and_counts_it() {
    let server = server();
    let (a, b) = two(&server, X);
    server.kill();
    is_cut_off(&a);
    is_cut_off(&b);
    let loads = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    for cache in [&a, &b] {
        let gets = (0..50).map(|_| {
            let (cache, loads) = (cache.clone(), loads.clone());
            tokio::spawn(async move {
                let load = move |_| async move {
                    loads.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(1)
                };
                cache.get_or_load(&7, load).await.unwrap()
            })
        });
        for get in gets.collect::<Vec<_>>() {
            assert_eq!(get.await.unwrap(), 1);
        }
        assert!(cache.stats().remote.unwrap().short >= 1);
    }
    // Who is slow enough for a second load says so by the time that passed.
    let most = 2 * (1 + begun.elapsed().as_secs() / X.as_secs());
    assert!(loads.load(Ordering::SeqCst) <= most);
}

/// E9
#[tokio::test(flavor = "multi_thread")]
async fn a_get_waits_no_longer_for_a_silent_server_than_x() {
    let server = server();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let cache = proxied(&proxy);
    let origin = Origin::new();
    proxy.black_hole(Direction::ToClient);
    let begun = Instant::now();
    assert_eq!(origin.get(&cache).await, 1);
    // A reading, and a lease, within one X: the first that is not answered ends the connection.
    assert!(begun.elapsed() < 2 * X, "{:?}", begun.elapsed());
    is_cut_off(&cache);
    let before = cache.stats().remote.unwrap();
    let begun = Instant::now();
    for key in 100..200_u64 {
        let load = move |_| async move { Ok::<_, Infallible>(key) };
        assert_eq!(cache.get_or_load(&key, load).await.unwrap(), key);
    }
    assert!(begun.elapsed() < X, "nobody waits for it any more");
    assert_eq!(cache.stats().remote.unwrap().misses, before.misses);
    proxy.heal();
    trusts_again(&cache);
}

/// F3: the connections are reset, or go silent, while another process invalidates.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_invalidated_while_a_process_was_cut_off_is_not_served_when_it_is_back() {
    let server = server();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let a = process(&server.url(), X);
    let b = proxied(&proxy);
    let origin = Origin::new();
    for (round, fault) in [FaultProxy::reset, FaultProxy::half_open]
        .into_iter()
        .enumerate()
    {
        let value = round as u64 * 10;
        origin.value.store(value, Ordering::SeqCst);
        a.invalidate(&7).await.unwrap();
        let is_new = async || origin.get(&b).await == value;
        let begun = Instant::now();
        while !is_new().await {
            assert!(begun.elapsed() < X);
        }
        fault(&proxy);
        proxy.refuse();
        origin.value.store(value + 1, Ordering::SeqCst);
        assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
        is_cut_off(&b);
        proxy.heal();
        trusts_again(&b);
        assert_eq!(origin.get(&b).await, value + 1);
    }
}

/// A cache that keeps values on disk too.
fn on_disk(server: &RedisServer, directory: &Path, cut_off: CutOff) -> Cache<u64, u64> {
    let redis = Redis::at(&server.url()).unwrap().prefix("tc");
    Cache::builder("users")
        .policy(Policy::ttl(Duration::from_mins(10)))
        .disk(Disk::at(directory))
        .remote(Sharing::over(redis).staleness(X).cut_off(cut_off))
        .build()
        .unwrap()
}

async fn loads(cache: &Cache<u64, u64>, key: u64, value: u64) -> u64 {
    let load = move |_| async move { Ok::<_, Infallible>(value) };
    cache.get_or_load(&key, load).await.unwrap()
}

/// What a process has stored is suspect here too, once it is told of it, until it is read again; from
/// then on it is on disk. `count`: the keys so far.
async fn is_on_disk(cache: &Cache<u64, u64>, key: u64, count: u64) {
    let begun = Instant::now();
    let is_compared = || {
        let stats = cache.stats();
        stats.remote.unwrap().revalidated >= count && stats.disk.unwrap().entries >= count
    };
    while !is_compared() {
        assert!(begun.elapsed() < LIMIT);
        cache.get(&key).await.unwrap();
        tokio::task::yield_now().await;
    }
}

/// A4
#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_disk_answers_where_that_was_chosen_and_says_that_it_is_stale() {
    let server = server();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let first = on_disk(&server, path, CutOff::Short);
    trusts_again(&first);
    assert_eq!(loads(&first, 7, 1).await, 1);
    is_on_disk(&first, 7, 1).await;
    first.close().await.unwrap();
    server.kill();

    let stale = on_disk(&server, path, CutOff::Stale(Duration::from_mins(5)));
    let entry = stale.get(&7).await.unwrap().unwrap();
    assert_eq!(
        (entry.value, entry.source, entry.is_stale),
        (1, Source::Disk, true)
    );
    assert_eq!(loads(&stale, 7, 2).await, 1);
    stale.close().await.unwrap();

    let short = on_disk(&server, path, CutOff::Short);
    assert_eq!(
        loads(&short, 7, 3).await,
        3,
        "what others did to it is not known"
    );
    short.close().await.unwrap();
}

/// H5
#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_kept_over_a_restart_is_compared_before_it_is_served() {
    let server = server();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let before = on_disk(&server, path, CutOff::Short);
    trusts_again(&before);
    for (count, key) in (1..).zip([7, 8, 9]) {
        assert_eq!(loads(&before, key, 1).await, 1);
        is_on_disk(&before, key, count).await;
    }
    before.close().await.unwrap();
    let other = process(&server.url(), X);
    assert_eq!(other.insert(8, 2).await.unwrap(), Applied::Everywhere);
    assert_eq!(other.invalidate(&9).await.unwrap(), Applied::Everywhere);

    let after = on_disk(&server, path, CutOff::Short);
    trusts_again(&after);
    let same = after.get(&7).await.unwrap().unwrap();
    assert_eq!((same.value, same.source), (1, Source::Disk));
    assert_eq!(after.stats().remote.unwrap().revalidated, 1);
    assert_eq!(after.get(&8).await.unwrap().unwrap().value, 2);
    assert!(after.get(&9).await.unwrap().is_none());
    after.close().await.unwrap();
}

/// F7: replicas are missing, so the server refuses to write.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_of_a_write_that_the_server_has_refused() {
    let server = server();
    let (a, b) = two(&server, X);
    let origin = Origin::new();
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (1, 1));
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert_eq!(a.insert(7, 2).await.unwrap(), Applied::Here);
    assert!(exists(&server, "7"), "as it was");
    is_cut_off(&a);
    is_cut_off(&b);
    let reason = a.stats().remote.unwrap().link.reason.unwrap();
    assert!(reason.contains("min-replicas-to-write"), "{reason}");
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    trusts_again(&a);
    trusts_again(&b);
    assert!(
        !exists(&server, "7"),
        "what waited was sent as an invalidation"
    );
    origin.value.store(3, Ordering::SeqCst);
    assert_eq!(origin.get(&b).await, 3);
}

/// F9: each process asks the server at most twice for a key that has changed, and loads none.
#[tokio::test(flavor = "multi_thread")]
async fn a_hot_key_that_changes_is_fetched_once_by_each_process() {
    let server = server();
    let caches: Vec<_> = (0..10).map(|_| process(&server.url(), X)).collect();
    let origin = Origin::new();
    for cache in &caches {
        assert_eq!(origin.get(cache).await, 1);
    }
    let hits = || -> u64 {
        let remotes = caches.iter().map(|cache| cache.stats().remote.unwrap());
        remotes.map(|remote| remote.hits).sum()
    };
    let before = hits();
    assert_eq!(caches[0].insert(7, 2).await.unwrap(), Applied::Everywhere);
    let until = Instant::now() + X;
    while Instant::now() < until {
        for cache in &caches {
            origin.get(cache).await;
        }
    }
    for cache in &caches {
        assert_eq!(origin.get(cache).await, 2);
    }
    assert_eq!(origin.loads(), 1);
    assert!(
        hits() - before <= 2 * caches.len() as u64,
        "{}",
        hits() - before
    );
}

/// F12
#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_deletes_is_dropped() {
    let server = server();
    let (a, b) = two(&server, X);
    let origin = Origin::new();
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (1, 1));
    origin.value.store(2, Ordering::SeqCst);
    server.cli(&["DEL", "tc:e:{users:7}", "tc:l:{users:7}"]);
    for cache in [&a, &b] {
        let dropped = || cache.peek(&7).is_none().then_some(());
        poll("it to be dropped", X, dropped).unwrap();
        assert_eq!(origin.get(cache).await, 2);
    }
    assert_eq!(origin.loads(), 2);
}

/// J5: the data connection is the first to see the old copy.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_old_copy_brings_back_is_not_served() {
    let server = RedisServer::start(Options::new()).unwrap();
    let (a, b) = two(&server, X);
    let origin = Origin::new();
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (1, 1));
    server.cli(&["SAVE"]);
    origin.value.store(2, Ordering::SeqCst);
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
    server.restart().unwrap();
    assert!(exists(&server, "7"), "the copy has it");
    for cache in [&a, &b] {
        let until = Instant::now() + LIMIT;
        while !is_trusted(cache) || cache.stats().remote.unwrap().link.opened < 2 {
            assert!(Instant::now() < until, "{:?}", cache.stats().remote);
            assert_ne!(cache.peek(&7), Some(1));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(origin.get(cache).await, 2);
    }
}

/// What was left for another database does not know what was invalidated meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_swapped_back_brings_nothing_back() {
    let server = server();
    let (a, b) = two(&server, X);
    let origin = Origin::new();
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (1, 1));
    let swaps = |until: u64| {
        server.cli(&["SWAPDB", "0", "1"]);
        let is_noticed = |cache: &Cache<u64, u64>| {
            let remote = cache.stats().remote.unwrap();
            (is_trusted(cache) && remote.link.opened >= until).then_some(())
        };
        let noticed = || is_noticed(&a).and_then(|()| is_noticed(&b));
        poll("both to have a log", LIMIT, noticed).unwrap();
        let has_log = || (server.cli(&["EXISTS", "tc:g:{users}"]) == "1").then_some(());
        poll("a log in this database", LIMIT, has_log).unwrap();
    };
    swaps(1);
    for cache in [&a, &b] {
        let dropped = || cache.peek(&7).is_none().then_some(());
        poll("what is held to be doubted", LIMIT, dropped).unwrap();
    }
    origin.value.store(2, Ordering::SeqCst);
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
    swaps(1);
    let begun = Instant::now();
    while (origin.get(&a).await, origin.get(&b).await) != (2, 2) {
        assert!(begun.elapsed() < 2 * X, "what was left is served");
    }
}

/// J6: the primary and its replica change places, and back, and neither restarts.
#[tokio::test(flavor = "multi_thread")]
async fn what_stood_before_a_failover_and_back_is_another_lifes() {
    let first = server();
    let second = RedisServer::start(Options::new().replica_of(&first)).unwrap();
    // The first replica begins a life of its own; the link settles on that.
    let a = process(&first.url(), X);
    let origin = Origin::new();
    assert_eq!(origin.get(&a).await, 1);
    let port = |server: &RedisServer| server.addr().port().to_string();
    second.cli(&["REPLICAOF", "NO", "ONE"]);
    second.cli(&["DEL", "tc:e:{users:7}"]);
    first.cli(&["REPLICAOF", "127.0.0.1", &port(&second)]);
    is_cut_off(&a);
    first.cli(&["REPLICAOF", "NO", "ONE"]);
    first.cli(&["SET", "tc:e:{users:8}", "x"]);
    origin.value.store(2, Ordering::SeqCst);
    trusts_again(&a);
    let entry = a.get(&7).await.unwrap();
    assert!(entry.is_none_or(|entry| entry.source != Source::Memory));
    assert_eq!(
        origin.get(&a).await,
        2,
        "whatever stands there is of another life"
    );
}

/// F5: what is told goes with its connection; the next one knows nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_to_a_connection_that_is_lost_is_made_up_for() {
    let server = server();
    let (a, b) = two(&server, X);
    let tagged = a.entry(&7).tags(["t"]).insert(1).await.unwrap();
    assert_eq!(tagged, Applied::Everywhere);
    assert_eq!(b.get(&7).await.unwrap().unwrap().value, 1);
    for _ in 0..2 {
        kill_client(&server, is_tracker);
    }
    let _ = a.invalidate_tag("t").await.unwrap();
    for cache in [&a, &b] {
        trusts_again(cache);
        assert!(cache.get(&7).await.unwrap().is_none());
    }
}

/// A1, A7: times that are left go with a value from process to process.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_as_old_in_the_next_process_as_it_is() {
    let server = server();
    let redis = || Redis::at(&server.url()).unwrap().prefix("tc");
    let lives = |seconds| {
        let cache: Cache<u64, u64> = Cache::builder("users")
            .policy(Policy::ttl(Duration::from_secs(seconds)))
            .remote(Sharing::over(redis()).staleness(X))
            .build()
            .unwrap();
        trusts_again(&cache);
        cache
    };
    let a = lives(60);
    assert_eq!(a.insert(7, 1).await.unwrap(), Applied::Everywhere);
    let until = Instant::now() + Duration::from_millis(300);
    tokio::time::sleep_until(until.into()).await;
    let b = lives(60);
    let entry = b.get(&7).await.unwrap().unwrap();
    assert_eq!((entry.value, entry.source), (1, Source::Remote));
    assert!(entry.age >= Duration::from_millis(250), "{entry:?}");
    let left: u64 = server.cli(&["PTTL", "tc:e:{users:7}"]).parse().unwrap();
    let seen = b.entry_info(&7).unwrap();
    assert!(seen.remaining.unwrap() <= Duration::from_millis(left) + Duration::from_millis(50));
}
