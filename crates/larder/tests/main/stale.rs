//! Values past their time: refreshed ahead, served while revalidated, standing in for errors.

use std::fmt::Error as Failure;
use std::time::Duration;

use larder::{Cache, Error, LoadCx, ManualClock, Policy, Source};

use super::{MINUTE, held_load, ready};

const SECOND: Duration = Duration::from_secs(1);

async fn filled(policy: Policy) -> (Cache<String, u64>, ManualClock) {
    let clock = ManualClock::new();
    let cache = Cache::builder("test")
        .policy(policy)
        .clock(clock.clock())
        .build()
        .unwrap();
    cache.insert("k".into(), 1).await.unwrap();
    (cache, clock)
}

fn failing(_: LoadCx<String, u64>) -> std::future::Ready<Result<u64, Failure>> {
    std::future::ready(Err(Failure))
}

async fn until_loads(cache: &Cache<String, u64>, loads: u64) {
    while cache.stats().loads < loads {
        tokio::task::yield_now().await;
    }
}

/// D1
#[tokio::test]
async fn a_stale_value_is_served_at_once_while_one_refresh_runs() {
    let (cache, clock) = filled(Policy::ttl(MINUTE).stale_while_revalidate(10 * SECOND)).await;
    clock.advance(MINUTE);
    assert_eq!(
        cache.peek("k"),
        None,
        "memory alone gives fresh values only"
    );
    let (held, load) = held_load();
    let entry = cache.entry("k").or_load(load).await.unwrap();
    assert_eq!((entry.value, entry.is_stale, entry.age), (1, true, MINUTE));
    for _ in 0..3 {
        let entry = cache.entry("k").or_load(ready(9)).await.unwrap();
        assert_eq!((entry.value, entry.is_stale), (1, true));
    }
    assert!(cache.get("k").await.unwrap().unwrap().is_stale);
    held.begun().await.release(2);
    until_loads(&cache, 1).await;
    let entry = cache.entry("k").or_load(ready(9)).await.unwrap();
    assert_eq!(
        (entry.value, entry.is_stale, cache.stats().loads),
        (2, false, 1)
    );
    assert_eq!(cache.stats().stale_served, 5);
}

#[tokio::test]
async fn past_the_window_a_get_waits_for_the_load() {
    let (cache, clock) = filled(Policy::ttl(MINUTE).stale_while_revalidate(10 * SECOND)).await;
    clock.advance(MINUTE + 10 * SECOND);
    let entry = cache.entry("k").or_load(ready(2)).await.unwrap();
    assert_eq!((entry.value, entry.source), (2, Source::Loader));
}

/// D2
#[tokio::test]
async fn a_value_is_refreshed_ahead_of_its_end_and_not_before() {
    let (cache, clock) = filled(Policy::ttl(MINUTE).refresh_ahead(0.8)).await;
    clock.advance(47 * SECOND);
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 1);
    tokio::task::yield_now().await;
    assert_eq!(cache.stats().loads, 0);
    clock.advance(2 * SECOND);
    assert_eq!(
        cache.get_or_load("k", ready(2)).await.unwrap(),
        1,
        "answered at once"
    );
    until_loads(&cache, 1).await;
    assert_eq!((cache.peek("k"), cache.stats().hits), (Some(2), 3));
}

/// D5, E7
#[tokio::test]
async fn a_refresh_that_fails_or_panics_releases_its_key() {
    let policy = Policy::ttl(MINUTE)
        .stale_while_revalidate(MINUTE)
        .error_throttle(SECOND);
    let (cache, clock) = filled(policy).await;
    clock.advance(MINUTE);
    assert_eq!(cache.get_or_load("k", failing).await.unwrap(), 1);
    until_loads(&cache, 1).await;
    clock.advance(SECOND);
    let panics = |_| async {
        if true {
            panic!("the loader's own panic")
        } else {
            Ok::<u64, Failure>(0)
        }
    };
    assert_eq!(cache.get_or_load("k", panics).await.unwrap(), 1);
    until_loads(&cache, 2).await;
    clock.advance(SECOND);
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 1);
    until_loads(&cache, 3).await;
    assert_eq!(cache.peek("k"), Some(2));
    assert_eq!(
        (cache.stats().load_errors, cache.stats().load_panics),
        (1, 1)
    );
}

/// C3
#[tokio::test]
async fn an_invalidation_fences_a_background_refresh() {
    let (cache, clock) = filled(Policy::ttl(MINUTE).stale_while_revalidate(MINUTE)).await;
    clock.advance(MINUTE);
    let (held, load) = held_load();
    cache.get_or_load("k", load).await.unwrap();
    let held = held.begun().await;
    cache.invalidate("k").await.unwrap();
    held.release(2);
    until_loads(&cache, 1).await;
    while cache.stats().fenced < 1 {
        tokio::task::yield_now().await;
    }
    assert!(cache.get("k").await.unwrap().is_none());
}

/// E1, E2
#[tokio::test]
async fn a_stale_value_stands_in_for_a_failing_loader_which_is_left_alone_for_a_while() {
    let policy = Policy::ttl(MINUTE)
        .stale_if_error(10 * MINUTE)
        .error_throttle(5 * SECOND);
    let (cache, clock) = filled(policy).await;
    clock.advance(MINUTE);
    let entry = cache.entry("k").or_load(failing).await.unwrap();
    assert_eq!((entry.value, entry.is_stale), (1, true));
    assert_eq!(
        cache.get_or_load("k", ready(2)).await.unwrap(),
        1,
        "the loader is left alone"
    );
    assert_eq!(cache.stats().loads, 1);
    clock.advance(5 * SECOND);
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
    assert_eq!(cache.stats().stale_served, 2);

    clock.advance(11 * MINUTE);
    assert!(
        matches!(cache.get_or_load("k", failing).await, Err(Error::Load(_))),
        "past the window the error shows"
    );
}

/// E4
#[tokio::test(start_paused = true)]
async fn a_slow_loader_is_waited_for_no_longer_than_the_soft_timeout_where_a_stale_value_can_stand_in()
 {
    let policy = Policy::ttl(MINUTE)
        .stale_if_error(MINUTE)
        .soft_timeout(Duration::from_millis(50));
    let (cache, clock) = filled(policy).await;
    clock.advance(MINUTE);
    let (held, load) = held_load();
    let started = tokio::time::Instant::now();
    let entry = cache.entry("k").or_load(load).await.unwrap();
    assert_eq!((entry.value, entry.is_stale), (1, true));
    assert!(started.elapsed() < Duration::from_millis(100));
    held.begun().await.release(2);
    until_loads(&cache, 1).await;
    assert_eq!(
        cache.get_or_load("k", ready(9)).await.unwrap(),
        2,
        "the load went on"
    );
}

/// E11
#[tokio::test]
async fn an_invalidated_tag_serves_nothing_stale_and_an_expired_one_may() {
    let policy = Policy::ttl(MINUTE).stale_if_error(MINUTE);
    let (cache, _clock) = filled(policy).await;
    for key in ["hard", "soft"] {
        cache.entry(key).tags([key]).insert(1).await.unwrap();
    }
    cache.invalidate_tag("hard").await.unwrap();
    cache.expire_tag("soft").await.unwrap();
    assert!(matches!(
        cache.get_or_load("hard", failing).await,
        Err(Error::Load(_))
    ));
    let entry = cache.entry("soft").or_load(failing).await.unwrap();
    assert_eq!((entry.value, entry.is_stale), (1, true));
    assert_eq!(cache.peek("soft"), None);
}

#[tokio::test]
async fn an_expired_key_is_stale_at_once_and_without_a_window_gone() {
    let (cache, _clock) = filled(Policy::ttl(MINUTE).stale_if_error(MINUTE)).await;
    cache.expire("k").await.unwrap();
    assert_eq!(cache.peek("k"), None);
    assert!(cache.entry("k").or_load(failing).await.unwrap().is_stale);

    let (cache, _clock) = filled(Policy::ttl(MINUTE)).await;
    cache.expire("k").await.unwrap();
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
    cache.expire("unknown").await.unwrap();
}

#[tokio::test]
async fn jitter_shortens_lives_by_its_part_at_most_and_spreads_them() {
    let clock = ManualClock::new();
    let policy = Policy::ttl(100 * SECOND).jitter(0.5);
    let cache: Cache<u64, u64> = Cache::builder("test")
        .policy(policy)
        .clock(clock.clock())
        .build()
        .unwrap();
    for key in 0..200 {
        cache.insert(key, key).await.unwrap();
    }
    clock.advance(50 * SECOND);
    let alive = |cache: &Cache<u64, u64>| (0..200).filter(|key| cache.peek(key).is_some()).count();
    assert!(alive(&cache) >= 195);
    clock.advance(25 * SECOND);
    assert!((60..140).contains(&alive(&cache)), "{}", alive(&cache));
    clock.advance(25 * SECOND);
    assert_eq!(alive(&cache), 0);
}

#[test]
fn a_part_that_is_none_is_refused() {
    for policy in [
        Policy::ttl(MINUTE).jitter(1.5),
        Policy::ttl(MINUTE).refresh_ahead(1.0),
        Policy::ttl(MINUTE).refresh_ahead(f64::NAN),
    ] {
        let error = Cache::<u64, u64>::builder("test")
            .policy(policy)
            .build()
            .unwrap_err();
        assert!(error.to_string().contains("expected"), "{error}");
    }
}

/// E2
#[tokio::test]
async fn the_window_of_what_a_tag_has_expired_counts_from_the_call() {
    let clock = ManualClock::new();
    let cache = Cache::<String, u64>::builder("test")
        .policy(Policy::forever().stale_if_error(MINUTE))
        .clock(clock.clock())
        .build()
        .unwrap();
    for looks_between in [false, true] {
        cache.entry("a").tags(["t"]).insert(1).await.unwrap();
        cache.expire_tag("t").await.unwrap();
        clock.advance(MINUTE / 2);
        if looks_between {
            assert_eq!(cache.get_or_load("a", failing).await.unwrap(), 1);
            cache.expire_tag("t").await.unwrap();
        }
        clock.advance(MINUTE / 2);
        let late = cache.get_or_load("a", failing).await;
        assert!(matches!(late, Err(Error::Load(_))), "{late:?}");
    }
}

/// D4
#[tokio::test]
async fn a_refresh_ends_and_frees_its_key_though_the_get_that_began_it_is_dropped() {
    let policy = Policy::ttl(MINUTE)
        .stale_if_error(MINUTE)
        .soft_timeout(MINUTE);
    let (cache, clock) = filled(policy).await;
    clock.advance(MINUTE);
    let (load, loader) = held_load();
    let reader = super::reading(&cache, "k", loader);
    let load = load.begun().await;
    reader.abort();
    assert!(reader.await.unwrap_err().is_cancelled());
    load.release(2);
    while cache.peek("k").is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(cache.peek("k"), Some(2));
    assert!(!cache.explain("k").await.unwrap().is_loading);
}
