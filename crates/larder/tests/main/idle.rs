//! Values that leave when nobody asks for them, and early refreshes.

use std::time::Duration;

use larder::{BuildError, Cache, ManualClock, Policy};

use super::{MINUTE, ready};

fn idling() -> (Cache<String, u64>, ManualClock) {
    let clock = ManualClock::new();
    let cache = Cache::builder("test")
        .policy(Policy::ttl(10 * MINUTE).time_to_idle(MINUTE))
        .clock(clock.clock())
        .build()
        .unwrap();
    (cache, clock)
}

#[tokio::test]
async fn a_value_lives_as_long_as_it_is_used_and_no_longer_than_its_time() {
    let (cache, clock) = idling();
    for key in ["used", "idle"] {
        cache.insert(key.into(), 1).await.unwrap();
    }
    for _ in 0..12 {
        clock.advance(MINUTE * 3 / 4);
        assert_eq!(cache.peek("used"), Some(1));
    }
    assert_eq!(cache.peek("idle"), None);
    clock.advance(MINUTE * 3 / 4);
    assert_eq!(cache.peek("used"), Some(1), "9.75 minutes old");
    clock.advance(MINUTE / 2);
    assert_eq!(cache.peek("used"), None, "its time to live is over");
}

#[test]
fn a_time_to_idle_stands_alone() {
    let build = |policy| Cache::<String, u64>::builder("test").policy(policy).build();
    let idle = Policy::ttl(MINUTE).time_to_idle(MINUTE);
    assert!(build(idle).is_ok());
    for policy in [
        idle.time_to_idle(Duration::ZERO),
        idle.stale_if_error(MINUTE),
        Policy::forever().early_refresh(0.0),
        Policy::forever().early_refresh(f64::NAN),
    ] {
        let error = build(policy).map(drop);
        assert!(
            matches!(error, Err(BuildError::Setting { .. })),
            "{error:?}"
        );
    }
}

/// D2
#[tokio::test]
async fn an_early_refresh_comes_the_likelier_the_nearer_the_end_and_the_dearer_the_load() {
    let refreshes = async |beta: f64, left: Duration| {
        let clock = ManualClock::new();
        let cache = Cache::<u64, u64>::builder("test")
            .policy(Policy::ttl(MINUTE).early_refresh(beta))
            .clock(clock.clock())
            .build()
            .unwrap();
        let load = |_| async {
            std::thread::sleep(Duration::from_millis(1)); // what a load costs, not a wait
            Ok::<_, String>(1)
        };
        for key in 0..40 {
            cache.get_or_load(&key, load).await.unwrap();
        }
        clock.advance(MINUTE.saturating_sub(left));
        for key in 0..40 {
            cache.get_or_load(&key, load).await.unwrap();
        }
        while cache.entry(&99).or_load(load).await.is_err() {}
        cache.stats().loads - 41
    };
    let second = Duration::from_secs(1);
    assert_eq!(refreshes(1.0, 30 * second).await, 0, "far from the end");
    let near = refreshes(5_000.0, second).await;
    assert!(
        near >= 10,
        "{near} of 40, where 1 ms × 5,000 is five times what is left"
    );
}

/// D1
#[tokio::test]
async fn a_fresh_value_costs_no_load_without_an_early_refresh() {
    let cache = super::cache();
    cache.get_or_load("a", ready(1)).await.unwrap();
    cache.get_or_load("a", ready(2)).await.unwrap();
    assert_eq!(cache.stats().loads, 1);
}

#[tokio::test]
async fn to_look_at_an_entry_keeps_it_no_longer() {
    let (cache, clock) = idling();
    cache.insert("a".into(), 1).await.unwrap();
    clock.advance(MINUTE * 3 / 4);
    assert!(cache.entry_info(&"a".into()).is_some());
    assert!(cache.explain("a").await.unwrap().held.is_some());
    clock.advance(MINUTE / 2);
    assert_eq!(cache.peek("a"), None);
}
