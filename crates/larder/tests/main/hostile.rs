//! Bad input, and loaders that misbehave.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::time::Duration;

use larder::{Cache, Error, Loaded, ManualClock, Policy};

use super::{MINUTE, cache, ready as value};

#[tokio::test]
async fn a_capacity_of_0_stores_nothing_and_still_shares_loads() {
    let cache = Cache::<u64, u64>::builder("test")
        .max_capacity(0)
        .build()
        .unwrap();
    for turn in 0..3 {
        let load = move |_| ready(Ok::<_, Infallible>(turn));
        assert_eq!(cache.get_or_load(&1, load).await.unwrap(), turn);
    }
    cache.insert(1, 1).await.unwrap();
    assert_eq!((cache.len(), cache.peek(&1)), (0, None));
}

#[tokio::test]
async fn a_time_to_live_of_0_stores_nothing_and_the_longest_is_for_ever() {
    for (ttl, is_kept) in [(Duration::ZERO, false), (Duration::MAX, true)] {
        let clock = ManualClock::new();
        let policy = Policy::ttl(ttl).stale_if_error(Duration::MAX).jitter(0.5);
        let cache = Cache::<u64, u64>::builder("test")
            .policy(policy)
            .clock(clock.clock());
        let cache = cache.build().unwrap();
        cache.insert(1, 1).await.unwrap();
        let own = move |_| ready(Ok::<_, Infallible>(Loaded::from(2).ttl(ttl)));
        cache.get_or_load(&2, own).await.unwrap();
        clock.advance(MINUTE * 60 * 24 * 365);
        let held = [cache.peek(&1).is_some(), cache.peek(&2).is_some()];
        assert_eq!(held, [is_kept; 2], "{ttl:?}");
    }
}

#[tokio::test]
async fn a_value_heavier_than_the_cache_is_given_and_not_stored() {
    let cache = Cache::<u64, Vec<u8>>::builder("test")
        .max_capacity(100)
        .weigher(|_, value| value.len() as u32)
        .build()
        .unwrap();
    cache.insert(1, vec![0; 60]).await.unwrap();
    let heavy = |_| ready(Ok::<_, Infallible>(vec![0; 101]));
    assert_eq!(cache.get_or_load(&2, heavy).await.unwrap().len(), 101);
    assert_eq!(
        (cache.peek(&2), cache.stats().evictions.too_heavy),
        (None, 1)
    );
    cache.insert(1, vec![0; 101]).await.unwrap();
    assert_eq!(
        cache.peek(&1),
        None,
        "the former value is not the key's any more"
    );
}

#[tokio::test]
async fn a_key_of_10_mb_is_a_key() {
    let (cache, key) = (cache(), "k".repeat(10 << 20));
    cache.insert(key.clone(), 1).await.unwrap();
    assert_eq!(cache.peek(&*key), Some(1));
    cache.invalidate_prefix(&key).await.unwrap();
    assert_eq!(cache.peek(&*key), None);
    assert_eq!(cache.get_or_load(&*key, value(2)).await.unwrap(), 2);
    assert_eq!(cache.entries("kk", 5).len(), 1);
}

/// B4, E5
#[tokio::test(start_paused = true)]
async fn a_loader_that_hangs_keeps_its_callers_no_longer_than_the_hard_time_out() {
    let cache = Cache::<String, u64>::builder("test")
        .policy(Policy::forever().hard_timeout(Duration::from_secs(2)))
        .build()
        .unwrap();
    let hang = |_| pending::<Result<u64, Infallible>>();
    let late = cache.get_or_load("a", hang).await;
    assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    cache.invalidate("a").await.unwrap();
    assert_eq!(
        cache.get_or_load("a", value(1)).await.unwrap(),
        1,
        "an invalidation frees the key"
    );
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_asks_for_its_own_key_ends_at_the_hard_time_out() {
    let cache = Cache::<String, u64>::builder("test")
        .policy(Policy::forever().hard_timeout(Duration::from_secs(2)))
        .build()
        .unwrap();
    let own = cache.clone();
    let load = |_| async move { own.get_or_load("a", value(1)).await };
    let ended = cache.get_or_load("a", load).await;
    assert!(
        matches!(ended, Err(Error::Timeout { .. } | Error::Load(_))),
        "{ended:?}"
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(cache.get_or_load("a", value(2)).await.unwrap(), 2);
}

/// B3
#[test]
fn a_runtime_that_is_dropped_during_a_load_leaves_the_key_free() {
    let cache = cache();
    let first = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let (begin, begun) = std::sync::mpsc::channel();
    let load = move |_| async move {
        begin.send(()).unwrap();
        pending::<Result<u64, Infallible>>().await
    };
    drop(first.spawn({
        let cache = cache.clone();
        async move { cache.get_or_load("a", load).await }
    }));
    begun.recv().unwrap();
    first.shutdown_background();
    let second = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert_eq!(
        second.block_on(cache.get_or_load("a", value(1))).unwrap(),
        1
    );
    let outside = std::thread::spawn(move || {
        let mut get = std::pin::pin!(cache.get_or_load("b", value(1)));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        get.as_mut().poll(&mut cx)
    });
    let outside = outside.join().unwrap();
    assert!(matches!(
        outside,
        std::task::Poll::Ready(Err(Error::NoRuntime))
    ));
}

/// D9, F11
#[tokio::test]
async fn a_wall_clock_that_jumps_changes_nothing() {
    let clock = ManualClock::new();
    let cache = Cache::<u64, u64>::builder("test")
        .policy(Policy::ttl(MINUTE))
        .clock(clock.clock())
        .build()
        .unwrap();
    cache.insert(1, 1).await.unwrap();
    let hour = Duration::from_hours(1);
    for jump in [clock.clock().wall() + hour, clock.clock().wall() - hour] {
        clock.set_wall(jump);
        assert_eq!(cache.peek(&1), Some(1));
    }
    clock.advance(MINUTE);
    assert_eq!(cache.peek(&1), None);
}

#[tokio::test]
async fn tags_and_entity_tags_past_their_limits_are_refused_and_nothing_is_stored() {
    let cache = cache();
    let many = (0..65).map(|tag| format!("t{tag}"));
    let too_many = cache.entry("a").tags(many).insert(1).await;
    assert!(matches!(too_many, Err(Error::Tags { .. })), "{too_many:?}");
    let long = "x".repeat(257);
    for put in [
        cache.entry("a").tags([&*long]),
        cache.entry("a").etag(&*long),
    ] {
        let refused = put.or_load(value(1)).await;
        assert!(refused.unwrap_err().to_string().contains("257 bytes"));
    }
    assert!(cache.is_empty());
}
