//! How long values live.

use std::time::{Duration, SystemTime};

use larder::{BuildError, Cache, Loaded, Policy, Source};

use super::{MINUTE, cache_with_ttl, ready};

#[tokio::test]
async fn a_value_is_fresh_for_its_ttl_and_then_gone() {
    let (cache, clock) = cache_with_ttl(MINUTE);
    cache.insert("k".into(), 1).await.unwrap();
    clock.advance(Duration::from_millis(59_999));
    assert_eq!(cache.peek("k"), Some(1));
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache.peek("k"), None);
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
}

/// D9
#[tokio::test]
async fn a_jump_of_the_wall_clock_changes_no_ttl() {
    let (cache, clock) = cache_with_ttl(MINUTE);
    cache.insert("k".into(), 1).await.unwrap();
    clock.set_wall(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000));
    assert_eq!(cache.peek("k"), Some(1));
    clock.set_wall(SystemTime::UNIX_EPOCH);
    clock.advance(MINUTE);
    assert_eq!(cache.peek("k"), None);
}

/// D11
#[tokio::test]
async fn a_ttl_that_the_loader_gives_governs_its_value_alone() {
    let (cache, clock) = cache_with_ttl(MINUTE);
    let brief = |_| async { Ok::<_, std::fmt::Error>(Loaded::from(1).ttl(Duration::from_secs(5))) };
    cache.get_or_load("brief", brief).await.unwrap();
    cache.get_or_load("usual", ready(2)).await.unwrap();
    clock.advance(Duration::from_secs(5));
    assert_eq!((cache.peek("brief"), cache.peek("usual")), (None, Some(2)));
}

#[tokio::test]
async fn a_call_may_set_the_ttl_of_what_it_stores() {
    let (cache, clock) = cache_with_ttl(MINUTE);
    cache
        .entry("k")
        .ttl(Duration::from_secs(5))
        .insert(1)
        .await
        .unwrap();
    let entry = cache
        .entry("l")
        .ttl(2 * MINUTE)
        .or_load(ready(2))
        .await
        .unwrap();
    assert_eq!(entry.source, Source::Loader);
    clock.advance(MINUTE);
    assert_eq!(cache.peek("k"), None);
    let entry = cache.entry("l").or_load(ready(3)).await.unwrap();
    assert_eq!(
        (entry.value, entry.source, entry.age),
        (2, Source::Memory, MINUTE)
    );
}

#[tokio::test]
async fn a_ttl_of_zero_stores_nothing_and_takes_out_what_was_there() {
    let (cache, _clock) = cache_with_ttl(MINUTE);
    cache.insert("k".into(), 1).await.unwrap();
    cache
        .entry("k")
        .ttl(Duration::ZERO)
        .insert(2)
        .await
        .unwrap();
    assert_eq!((cache.peek("k"), cache.len()), (None, 0));
    let unstored = |_| async { Ok::<_, std::fmt::Error>(Loaded::from(3).ttl(Duration::ZERO)) };
    assert_eq!(cache.get_or_load("k", unstored).await.unwrap(), 3);
    assert_eq!((cache.peek("k"), cache.stats().fenced), (None, 0));
}

#[tokio::test]
async fn the_longest_ttl_is_for_ever() {
    let (cache, clock) = cache_with_ttl(Duration::MAX);
    cache.insert("k".into(), 1).await.unwrap();
    clock.advance(Duration::from_hours(30 * 365 * 24));
    assert_eq!(cache.peek("k"), Some(1));
    assert_eq!(cache.entry_info(&"k".into()).unwrap().remaining, None);
}

#[tokio::test]
async fn a_capacity_of_zero_stores_nothing_and_still_loads() {
    let cache = Cache::<String, u64>::builder("test")
        .max_capacity(0)
        .build()
        .unwrap();
    assert_eq!(cache.get_or_load("k", ready(1)).await.unwrap(), 1);
    assert_eq!((cache.peek("k"), cache.len()), (None, 0));
}

#[tokio::test]
async fn a_value_heavier_than_the_cache_is_not_stored() {
    let cache = Cache::<String, u64>::builder("test")
        .max_capacity(10)
        .weigher(|_, value| *value as u32)
        .build()
        .unwrap();
    cache.insert("light".into(), 4).await.unwrap();
    cache.insert("heavy".into(), 11).await.unwrap();
    assert_eq!(
        (cache.peek("light"), cache.peek("heavy"), cache.weight()),
        (Some(4), None, 4)
    );
}

#[test]
fn a_bad_setting_says_what_was_expected() {
    let named = |name: &str| Cache::<String, u64>::builder(name).build().map(drop);
    for name in ["", "a:b", "ü", &"n".repeat(65)] {
        assert_eq!(named(name), Err(BuildError::Name { name: name.into() }));
    }
    named("A-z_0.9").unwrap();
    let error = Cache::<String, u64>::builder("test")
        .max_loads(0)
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cache \"test\": max_loads is 0, expected at least 1"
    );
}

#[test]
fn a_policy_without_ttl_says_so() {
    assert_eq!(Policy::forever().time_to_live(), None);
}
