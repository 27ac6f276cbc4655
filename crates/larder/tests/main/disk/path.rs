//! The path of a get that memory does not settle, and of writes, with a disk under it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use larder::{Cache, Disk, Loaded, Policy, Source};

use super::super::{MINUTE, held_load, reading, ready};
use super::{Machine, disk_stats, machine};

/// A cache whose memory holds nothing, so that every read is of the disk.
fn bare(machine: &Machine) -> Cache<String, u64> {
    Cache::builder("test")
        .max_capacity(0)
        .policy(machine.policy)
        .clock(machine.clock.clock())
        .disk(Disk::at(machine.path()))
        .build()
        .unwrap()
}

/// A1
#[tokio::test]
async fn what_only_the_disk_has_is_copied_to_memory_as_it_was() {
    let machine = machine();
    let cache = machine.start();
    cache.entry("k").tags(["t"]).insert(1).await.unwrap();
    let version = cache.get("k").await.unwrap().unwrap().version;
    machine.clock.advance(MINUTE / 3);
    let cache = machine.restart(cache).await;
    assert_eq!(cache.peek("k"), None);
    for source in [Source::Disk, Source::Memory] {
        let entry = cache.entry("k").or_load(ready(9)).await.unwrap();
        assert_eq!((entry.value, entry.source), (1, source));
        assert_eq!((entry.version, entry.age), (version, MINUTE / 3));
    }
    let stats = cache.stats();
    assert_eq!(
        (stats.hits, stats.misses, stats.loads),
        (2, 1, 0),
        "one outcome for each get"
    );
    assert_eq!((disk_stats(&cache).hits, disk_stats(&cache).misses), (1, 0));
    cache.invalidate_tag("t").await.unwrap();
    assert!(cache.get("k").await.unwrap().is_none());
    assert_eq!(disk_stats(&cache).invalid, 1);
}

/// A2
#[tokio::test]
async fn what_memory_has_is_not_asked_of_the_disk() {
    let machine = machine();
    let cache = machine.start();
    cache.insert("k".into(), 1).await.unwrap();
    cache.get("k").await.unwrap();
    cache.get_or_load("k", ready(2)).await.unwrap();
    assert_eq!((disk_stats(&cache).hits, disk_stats(&cache).misses), (0, 0));
}

/// A3
#[tokio::test]
async fn a_get_that_finds_nothing_writes_nothing() {
    let machine = machine();
    let cache = machine.start();
    assert!(cache.get("k").await.unwrap().is_none());
    cache.flush().await.unwrap();
    let stats = disk_stats(&cache);
    assert_eq!((stats.misses, stats.puts, stats.entries), (1, 0, 0));
    assert_eq!(cache.stats().misses, 1);
}

/// A7
#[tokio::test]
async fn memorys_copy_lives_no_longer_than_memory_allows_and_is_refilled_anew() {
    let mut machine = Machine::new(Policy::ttl(MINUTE * 60));
    let cache = machine.start();
    cache.insert("k".into(), 1).await.unwrap();
    machine.policy = Policy::ttl(MINUTE);
    let cache = machine.restart(cache).await;
    for _ in 0..3 {
        assert_eq!(cache.get("k").await.unwrap().unwrap().source, Source::Disk);
        machine.clock.advance(Duration::from_secs(59));
        assert_eq!(
            cache.get("k").await.unwrap().unwrap().source,
            Source::Memory
        );
        machine.clock.advance(Duration::from_secs(1));
    }
    machine.clock.advance(MINUTE * 57);
    assert!(
        cache.get("k").await.unwrap().is_none(),
        "the disk's own time is over"
    );
}

/// H2: more of them than the queue has places.
#[tokio::test]
async fn many_inserts_are_on_disk_when_the_call_returns() {
    let machine = machine();
    let cache = machine.start();
    let entries = (0..5_000).map(|number| (format!("k{number}"), number));
    cache.insert_many(entries).await.unwrap();
    let stats = disk_stats(&cache);
    assert_eq!(
        (stats.puts, stats.entries, stats.waiting),
        (5_000, 5_000, 0)
    );
}

/// B1
#[test]
fn a_thousand_misses_read_the_disk_once_and_load_once() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(read_by_a_thousand());
}

async fn read_by_a_thousand() {
    let machine = machine();
    let cache = machine.start();
    let loads = Arc::new(AtomicU64::new(0));
    // The one thread that may read is busy until all have asked.
    let (release, released) = std::sync::mpsc::channel::<()>();
    let busy = tokio::task::spawn_blocking(move || released.recv());
    let readers: Vec<_> = (0..1_000)
        .map(|_| {
            let loads = loads.clone();
            reading(&cache, "k", move |_| async move {
                Ok::<_, std::fmt::Error>(loads.fetch_add(1, Ordering::Relaxed))
            })
        })
        .collect();
    for _ in &readers {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    busy.await.unwrap().unwrap();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap(), 0);
    }
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    assert_eq!(disk_stats(&cache).misses, 1);
    assert_eq!(cache.stats().misses, 1_000);
}

/// C1, C8
#[tokio::test]
async fn a_load_that_was_fenced_off_does_not_reach_the_disk() {
    let machine = machine();
    let cache = machine.start();
    let (held, load) = held_load();
    let reader = reading(&cache, "k", load);
    let held = held.begun().await;
    cache.invalidate("k").await.unwrap();
    held.release(1);
    reader.await.unwrap().unwrap();
    assert!(cache.get("k").await.unwrap().is_none());
    let cache = machine.restart(cache).await;
    assert!(cache.get("k").await.unwrap().is_none());
}

/// C8
#[tokio::test]
async fn every_write_is_seen_by_the_next_read_where_memory_holds_nothing() {
    let machine = machine();
    let cache = bare(&machine);
    for round in 0..50 {
        cache.insert("k".into(), round).await.unwrap();
        assert_eq!(cache.get("k").await.unwrap().unwrap().value, round);
        match round % 3 {
            0 => cache.invalidate("k").await,
            1 => cache.clear().await,
            _ => cache.invalidate_prefix("k").await,
        }
        .unwrap();
        assert!(cache.get("k").await.unwrap().is_none());
        assert_eq!(
            cache.get_or_load("k", ready(round + 1)).await.unwrap(),
            round + 1
        );
        assert_eq!(cache.get("k").await.unwrap().unwrap().value, round + 1);
    }
}

/// A key's value at its origin, and the newest that a write of the cache has returned for.
#[derive(Default)]
struct Key {
    origin: AtomicU64,
    acknowledged: AtomicU64,
}

/// C6, A5, H6: no read that began after an insert or invalidation had returned finds an older value.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_that_race_writes_never_go_back() {
    let seconds = std::env::var("LARDER_LONG").map_or(2, |_| 60);
    let machine = Machine::new(Policy::forever());
    // Little memory, so that reads of the disk and evictions are many.
    let cache: Cache<String, u64> = Cache::builder("test")
        .max_capacity(4)
        .disk(Disk::at(machine.path()))
        .build()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(seconds);
    let keys: Arc<Vec<Key>> = Arc::new((0..8).map(|_| Key::default()).collect());
    let mut tasks = Vec::new();
    for number in 0..8_usize {
        let (own_cache, own_keys) = (cache.clone(), keys.clone());
        tasks.push(tokio::spawn(async move {
            let (cache, keys) = (own_cache, own_keys);
            let (name, key) = (format!("k{number}"), &keys[number]);
            let mut value = 0;
            while Instant::now() < end {
                value += 1;
                key.origin.store(value, Ordering::SeqCst);
                match value % 3 {
                    0 => cache.insert(name.clone(), value).await,
                    1 => cache.invalidate(&name).await,
                    _ => cache.invalidate_prefix(&name).await,
                }
                .unwrap();
                key.acknowledged.store(value, Ordering::SeqCst);
            }
            value
        }));
        let (cache, keys) = (cache.clone(), keys.clone());
        tasks.push(tokio::spawn(async move {
            let mut reads = 0;
            while Instant::now() < end {
                let number = (reads as usize * 5 + number) % 8;
                let (name, least) = (
                    format!("k{number}"),
                    keys[number].acknowledged.load(Ordering::SeqCst),
                );
                let origin = keys.clone();
                let load = move |_| async move {
                    let value = origin[number].origin.load(Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, std::fmt::Error>(value)
                };
                let value = if reads % 3 == 0 {
                    cache.get(&name).await.unwrap().map(|entry| entry.value)
                } else {
                    Some(cache.get_or_load(&name, load).await.unwrap())
                };
                assert!(
                    value.is_none_or(|value| value >= least),
                    "{name}: {value:?} after {least}"
                );
                reads += 1;
            }
            reads
        }));
    }
    for task in tasks {
        assert!(task.await.unwrap() > 0);
    }
    assert_eq!(disk_stats(&cache).degraded, None);
}

#[tokio::test]
async fn a_stale_value_on_disk_is_served_while_it_is_refreshed() {
    let policy = Policy::ttl(MINUTE).stale_while_revalidate(MINUTE);
    let machine = Machine::new(policy);
    let cache = machine.start();
    cache.insert("k".into(), 1).await.unwrap();
    machine.clock.advance(MINUTE);
    let cache = machine.restart(cache).await;
    let entry = cache.entry("k").or_load(ready(2)).await.unwrap();
    assert_eq!(
        (entry.value, entry.is_stale, entry.source),
        (1, true, Source::Disk)
    );
    while cache.peek("k") != Some(2) {
        tokio::task::yield_now().await;
    }
    assert_eq!(cache.stats().stale_served, 1);
}

/// E1
#[tokio::test]
async fn a_stale_value_on_disk_stands_in_for_a_loader_that_fails() {
    let machine = Machine::new(Policy::ttl(MINUTE).stale_if_error(MINUTE));
    let cache = machine.start();
    cache.insert("k".into(), 1).await.unwrap();
    machine.clock.advance(MINUTE);
    let cache = machine.restart(cache).await;
    let entry = cache
        .entry("k")
        .or_load(|_| async { Err::<u64, _>("down") })
        .await
        .unwrap();
    assert_eq!((entry.value, entry.is_stale), (1, true));
    assert!(cache.get("k").await.unwrap().is_none());
}

/// I10
#[tokio::test]
async fn not_modified_lengthens_the_life_on_disk_too() {
    let machine = Machine::new(Policy::ttl(MINUTE).stale_if_error(MINUTE * 60));
    let cache = machine.start();
    cache
        .entry("k")
        .tags(["t"])
        .etag("v1")
        .insert(1)
        .await
        .unwrap();
    machine.clock.advance(MINUTE * 2);
    let cache = machine.restart(cache).await;
    let load = |cx: larder::LoadCx<String, u64>| async move {
        assert_eq!((cx.etag(), cx.stale()), (Some("v1"), Some(&1)));
        Ok::<_, std::fmt::Error>(Loaded::not_modified())
    };
    assert_eq!(cache.get_or_load("k", load).await.unwrap(), 1);
    machine.clock.advance(MINUTE / 2);
    let cache = machine.restart(cache).await;
    let entry = cache.get("k").await.unwrap().unwrap();
    assert_eq!(
        (entry.value, entry.is_stale, entry.age),
        (1, false, MINUTE / 2)
    );
    cache.invalidate_tag("t").await.unwrap();
    assert!(cache.get("k").await.unwrap().is_none());
}

#[tokio::test]
async fn what_was_expired_is_stale_on_disk() {
    let machine = Machine::new(Policy::ttl(MINUTE).stale_if_error(MINUTE));
    let cache = machine.start();
    cache.insert("k".into(), 1).await.unwrap();
    cache.entry("tagged").tags(["t"]).insert(1).await.unwrap();
    cache.expire("k").await.unwrap();
    cache.expire_tag("t").await.unwrap();
    let cache = machine.restart(cache).await;
    for key in ["k", "tagged"] {
        assert!(cache.get(key).await.unwrap().is_none(), "{key}");
        let failing = |_| async { Err::<u64, _>("down") };
        assert!(
            cache.entry(key).or_load(failing).await.unwrap().is_stale,
            "{key}"
        );
        assert_eq!(
            cache.get_or_load(key, ready(2)).await.unwrap(),
            1,
            "left alone after a failure"
        );
    }
}

/// J13
#[tokio::test]
async fn a_value_of_another_lookup_version_is_not_raised_for_this_one() {
    let machine = machine();
    let cache = machine.start();
    cache.get_or_load_at("k", 1, ready(1)).await.unwrap();
    let cache = machine.restart(cache).await;
    assert_eq!(cache.get_or_load_at("k", 1, ready(9)).await.unwrap(), 1);
    assert_eq!(cache.get_or_load_at("k", 2, ready(2)).await.unwrap(), 2);
    let cache = machine.restart(cache).await;
    assert_eq!(cache.get_or_load_at("k", 2, ready(9)).await.unwrap(), 2);
}

#[tokio::test]
async fn many_keys_are_looked_for_on_disk() {
    let machine = machine();
    let cache = machine.start();
    cache.insert("a".into(), 1).await.unwrap();
    let cache = machine.restart(cache).await;
    let load = |keys: Vec<String>| async move {
        assert_eq!(keys, ["b"]);
        Ok::<_, std::fmt::Error>(vec![("b".to_owned(), 2)])
    };
    let found = cache
        .get_or_load_many(["a".to_owned(), "b".to_owned()], load)
        .await
        .unwrap();
    assert_eq!((found["a"], found["b"]), (1, 2));
    assert_eq!(cache.stats().hits, 1);
}

/// A8, E11
#[tokio::test]
async fn that_there_is_no_value_is_not_told_again_once_it_was_expired() {
    let machine = Machine::new(Policy::ttl(10 * MINUTE).negative_ttl(10 * MINUTE));
    for by_tag in [false, true] {
        let cache = bare(&machine);
        let nothing = |_| std::future::ready(Ok::<_, String>(Loaded::<u64>::absent().tags(["t"])));
        cache.get_or_load_optional("k", nothing).await.unwrap();
        cache.flush().await.unwrap();
        if by_tag {
            cache.expire_tag("t").await.unwrap();
        } else {
            cache.expire("k").await.unwrap();
        }
        assert!(!cache.explain("k").await.unwrap().is_absent);
        let found = cache.get_or_load_optional("k", ready(7)).await.unwrap();
        assert_eq!(found, Some(7), "by tag: {by_tag}");
        cache.invalidate("k").await.unwrap();
        cache.close().await.unwrap();
    }
}

/// E11
#[tokio::test]
async fn what_a_tag_expired_stands_in_no_longer_from_disk_than_from_memory() {
    let policy = Policy::ttl(MINUTE).stale_while_revalidate(Duration::from_secs(10));
    let machine = Machine::new(policy);
    let cache = bare(&machine);
    cache.entry("k").tags(["t"]).insert(1).await.unwrap();
    cache.expire_tag("t").await.unwrap();
    machine.clock.advance(Duration::from_secs(9));
    assert!(cache.get("k").await.unwrap().unwrap().is_stale);
    machine.clock.advance(Duration::from_secs(1));
    assert!(cache.get("k").await.unwrap().is_none());
}
