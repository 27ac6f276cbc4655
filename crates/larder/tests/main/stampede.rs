//! One load for all who ask, and nothing that a caller does ends it.

use std::fmt;
use std::time::Duration;

use larder::{Cache, Error, Policy};

use super::{cache, held_load, reading, ready};

/// B1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_misses_of_one_key_run_one_load() {
    let cache = cache();
    let (held, load) = held_load();
    let leader = reading(&cache, "k", load);
    let held = held.begun().await;
    let others: Vec<_> = (0..999)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get_or_load("k", ready(0)).await })
        })
        .collect();
    while cache.stats().coalesced < 999 {
        tokio::task::yield_now().await;
    }
    held.release(5);

    assert_eq!(leader.await.unwrap().unwrap(), 5);
    for other in others {
        assert_eq!(other.await.unwrap().unwrap(), 5);
    }
    let stats = cache.stats();
    assert_eq!(
        (stats.loads, stats.misses, stats.coalesced),
        (1, 1_000, 999)
    );
}

/// B2
#[tokio::test]
async fn loads_of_distinct_keys_overlap() {
    let cache = cache();
    let (first, load_first) = held_load();
    let (second, load_second) = held_load();
    let tasks = [("a", load_first), ("b", load_second)].map(|(key, load)| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get_or_load(key, load).await })
    });
    let (first, second) = (first.begun().await, second.begun().await);
    second.release(2);
    first.release(1);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((cache.peek("a"), cache.peek("b")), (Some(1), Some(2)));
}

/// B3
#[tokio::test]
async fn a_caller_that_is_dropped_ends_neither_the_load_nor_its_storing() {
    let cache = cache();
    let (held, load) = held_load();
    let caller = reading(&cache, "k", load);
    let held = held.begun().await;
    let follower = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_load("k", ready(0)).await }
    });
    while cache.stats().coalesced < 1 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    held.release(3);

    assert_eq!(follower.await.unwrap().unwrap(), 3);
    assert_eq!(cache.peek("k"), Some(3));
}

/// B4
#[tokio::test]
async fn a_load_that_panics_is_an_error_and_the_next_call_loads() {
    let cache = cache();
    let panics = |_| async {
        if true {
            panic!("the loader's own panic")
        } else {
            Ok::<u64, fmt::Error>(0)
        }
    };
    assert!(matches!(
        cache.get_or_load("k", panics).await,
        Err(Error::LoadPanicked)
    ));
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.load_panics), (2, 1));
}

#[derive(Debug, PartialEq, Eq)]
struct Refused(u16);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}", self.0)
    }
}

/// B5, A9, E3
#[tokio::test]
async fn every_waiter_gets_the_loaders_own_error_and_the_next_call_loads() {
    let cache = cache();
    let error = cache
        .get_or_load("k", |_| async { Err::<u64, _>(Refused(503)) })
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the loader failed: refused with 503");
    let Error::Load(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.downcast_ref::<Refused>(), Some(&Refused(503)));
    assert_eq!(error.downcast_ref::<String>(), None);
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
}

/// E5
#[tokio::test(start_paused = true)]
async fn a_caller_waits_no_longer_than_the_hard_timeout_and_the_load_still_stores() {
    let policy = Policy::forever().hard_timeout(Duration::from_secs(2));
    let cache: Cache<String, u64> = Cache::builder("test").policy(policy).build().unwrap();
    let (held, load) = held_load();
    assert!(matches!(
        cache.get_or_load("k", load).await,
        Err(Error::Timeout { .. })
    ));
    let held = held.begun().await;
    held.release(4);
    while cache.peek("k").is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(cache.stats().timeouts, 1);
}

#[tokio::test]
async fn a_load_past_the_limit_is_refused_and_room_returns() {
    let cache: Cache<String, u64> = Cache::builder("test").max_loads(1).build().unwrap();
    let (held, load) = held_load();
    let first = reading(&cache, "a", load);
    let held = held.begun().await;
    assert!(matches!(
        cache.get_or_load("b", ready(2)).await,
        Err(Error::Overloaded { limit: 1 })
    ));
    held.release(1);
    first.await.unwrap().unwrap();
    while cache.get_or_load("b", ready(2)).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(cache.peek("b"), Some(2));
}

#[test]
fn a_runtime_that_ends_during_a_load_releases_the_key() {
    let cache = cache();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (held, load) = held_load();
    let waiting = cache.clone();
    runtime.spawn(async move { waiting.get_or_load("k", load).await });
    let held = runtime.block_on(held.begun());
    runtime.shutdown_background();

    let other = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(other.block_on(cache.get_or_load("k", ready(2))).unwrap(), 2);
    drop(held);
}

#[test]
fn a_miss_outside_a_runtime_is_an_error_and_a_hit_is_not() {
    let cache = cache();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut call = Box::pin(cache.get_or_load("k", ready(1)));
    let std::task::Poll::Ready(answer) = call.as_mut().poll(&mut context) else {
        panic!("it waits")
    };
    assert!(matches!(answer, Err(Error::NoRuntime)));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(cache.insert("k".into(), 9)).unwrap();
    let mut call = Box::pin(cache.get_or_load("k", ready(1)));
    let std::task::Poll::Ready(answer) = call.as_mut().poll(&mut context) else {
        panic!("it waits")
    };
    assert_eq!(answer.unwrap(), 9);
}
