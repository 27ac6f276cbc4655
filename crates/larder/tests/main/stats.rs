//! What is counted.

use std::time::Duration;

use larder::{AnyCache, Cache, Error, Scope};

use super::{MINUTE, cache, cache_with_ttl, ready};

/// I1
#[test]
fn hits_and_misses_are_the_gets_under_64_threads() {
    const GETS: u64 = 10_000;
    let cache = Cache::<u64, u64>::builder("test")
        .max_capacity(1_000)
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for key in 0..500 {
        runtime.block_on(cache.insert(key, key)).unwrap();
    }
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for key in (0..GETS).map(|get| get % 1_000) {
                    assert_eq!(cache.peek(&key).is_some(), key < 500);
                }
            });
        }
    });
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses), (32 * GETS, 32 * GETS));
    assert_eq!(stats.hit_rate(), Some(0.5));
}

#[tokio::test]
async fn a_reset_starts_the_figures_anew_and_keeps_the_values() {
    let (cache, clock) = cache_with_ttl(MINUTE);
    cache.get_or_load("k", ready(1)).await.unwrap();
    cache.peek("k");
    clock.advance(Duration::from_secs(3));
    let stats = cache.stats();
    assert_eq!(
        (stats.hits, stats.misses, stats.loads, stats.load.count),
        (1, 1, 1, 1)
    );
    assert_eq!(stats.uptime, Duration::from_secs(3));

    cache.reset_stats();
    let stats = cache.stats();
    assert_eq!(
        (stats.hits, stats.misses, stats.loads, stats.load.count),
        (0, 0, 0, 0)
    );
    assert_eq!((stats.uptime, stats.hit_rate()), (Duration::ZERO, None));
    assert_eq!(cache.peek("k"), Some(1));
}

#[tokio::test]
async fn what_a_hit_saves_is_what_a_miss_costs() {
    let cache = cache();
    cache.get_or_load("k", ready(1)).await.unwrap();
    assert_eq!(cache.stats().time_saved, Duration::ZERO);
    for _ in 0..1_000 {
        cache.peek("k");
    }
    let stats = cache.stats();
    assert!(stats.hit.count > 0, "one hit in 64 is timed");
    assert_eq!(
        stats.time_saved,
        (stats
            .miss
            .mean
            .unwrap()
            .saturating_sub(stats.hit.mean.unwrap()))
            * 1_000
    );
}

#[tokio::test]
async fn a_cache_behind_a_pointer_is_managed_by_the_texts_of_its_keys() {
    let cache = Cache::<u64, &str>::builder("numbers").build().unwrap();
    for key in [7, 70, 8] {
        cache.insert(key, "value").await.unwrap();
    }
    let any: &dyn AnyCache = &cache;
    let mut keys: Vec<_> = any
        .entries("7", 10)
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    keys.sort();
    assert_eq!(keys, ["7", "70"]);
    assert_eq!(any.entries("", 2).len(), 2);
    assert_eq!(any.entry_info("8").unwrap().key, "8");
    assert!(any.entry_info("eight").is_none());
    let unknown = any.invalidate(Scope::Key("eight")).await.unwrap_err();
    assert!(matches!(unknown, Error::Key { .. }), "{unknown}");
    assert_eq!(any.count(Scope::Prefix("7")).unwrap(), 2);
    assert_eq!(any.count(Scope::Pattern("?")).unwrap(), 2);
    assert_eq!(any.count(Scope::Tag("none")).unwrap(), 0);
    assert!(any.count(Scope::Pattern("[")).is_err());
    any.invalidate(Scope::Key("8")).await.unwrap();
    assert!(any.entry_info("8").is_none());
    any.clear().await.unwrap();
    assert!(any.is_empty());
    assert_eq!(
        cache.stats().hits + cache.stats().misses,
        0,
        "looking is not getting"
    );
}

#[tokio::test]
async fn hits_of_caches_that_are_read_in_turn_are_timed_alike() {
    let caches = [cache(), cache()];
    for cache in &caches {
        cache.insert("a".into(), 1).await.unwrap();
    }
    for _ in 0..20_000 {
        for cache in &caches {
            assert!(cache.peek("a").is_some());
        }
    }
    let timed = caches.each_ref().map(|cache| cache.stats().hit.count);
    assert!(
        timed.iter().all(|count| (200..450).contains(count)),
        "{timed:?}"
    );
}
