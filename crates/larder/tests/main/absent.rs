//! Keys that have no value.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

use larder::{Cache, Error, LoadCx, Loaded, ManualClock, Policy};

use super::{MINUTE, ready as value};

fn cache(negative: Duration) -> (Cache<String, u64>, ManualClock) {
    let clock = ManualClock::new();
    let policy = Policy::ttl(10 * MINUTE).negative_ttl(negative);
    let cache = Cache::builder("test").policy(policy).clock(clock.clock());
    (cache.build().unwrap(), clock)
}

fn nothing(_: LoadCx<String, u64>) -> Ready<Result<Option<u64>, Infallible>> {
    ready(Ok(None))
}

/// A8
#[tokio::test]
async fn that_there_is_no_value_is_remembered_for_its_own_time() {
    let (cache, clock) = cache(MINUTE);
    assert_eq!(
        cache.get_or_load_optional("a", nothing).await.unwrap(),
        None
    );
    clock.advance(MINUTE / 2);
    let again = cache.get_or_load("a", value(1)).await;
    assert!(matches!(again, Err(Error::Absent)), "{again:?}");
    assert!(cache.get("a").await.unwrap().is_none());
    assert_eq!(cache.peek("a"), None);
    clock.advance(MINUTE / 2);
    assert_eq!(cache.get_or_load("a", value(1)).await.unwrap(), 1);
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.negative_hits), (2, 2));
    assert_eq!((stats.hits, stats.misses), (2, 3), "peek cannot tell");
}

/// A8
#[tokio::test]
async fn without_a_negative_time_to_live_nothing_is_remembered() {
    let (cache, _clock) = cache(Duration::ZERO);
    cache.get_or_load_optional("a", nothing).await.unwrap();
    assert_eq!(cache.get_or_load("a", value(1)).await.unwrap(), 1);
    let brief = |_| ready(Ok::<_, Infallible>(Loaded::absent().ttl(MINUTE)));
    cache.get_or_load_optional("b", brief).await.unwrap();
    assert!(cache.get_or_load("b", value(1)).await.is_err(), "its own");
}

/// A9
#[tokio::test]
async fn an_error_is_never_remembered_however_long_absence_is() {
    let (cache, _clock) = cache(MINUTE);
    let failing = |_| ready(Err::<u64, _>("down"));
    assert!(cache.get_or_load("a", failing).await.is_err());
    assert_eq!(cache.get_or_load("a", value(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_key_that_gets_a_value_is_no_longer_absent() {
    let (cache, _clock) = cache(MINUTE);
    for key in ["insert", "invalidate", "expire", "tag", "clear"] {
        let load = |_| ready(Ok::<_, Infallible>(Loaded::absent().tags(["t"])));
        cache.get_or_load_optional(key, load).await.unwrap();
        match key {
            "insert" => _ = cache.insert(key.into(), 2).await.unwrap(),
            "invalidate" => _ = cache.invalidate(key).await.unwrap(),
            "expire" => _ = cache.expire(key).await.unwrap(),
            "tag" => _ = cache.invalidate_tag("t").await.unwrap(),
            _ => _ = cache.clear().await.unwrap(),
        }
        assert_eq!(cache.get_or_load(key, value(2)).await.unwrap(), 2, "{key}");
    }
}

#[tokio::test]
async fn a_value_that_is_gone_from_the_origin_is_not_served_as_stale() {
    let clock = ManualClock::new();
    let policy = Policy::ttl(MINUTE)
        .stale_if_error(10 * MINUTE)
        .negative_ttl(MINUTE);
    let cache = Cache::<String, u64>::builder("test")
        .policy(policy)
        .clock(clock.clock())
        .build()
        .unwrap();
    cache.insert("a".into(), 1).await.unwrap();
    clock.advance(MINUTE);
    assert_eq!(
        cache.get_or_load_optional("a", nothing).await.unwrap(),
        None
    );
    clock.advance(MINUTE);
    let failing = |_| ready(Err::<u64, _>("down"));
    let later = cache.get_or_load("a", failing).await;
    assert!(matches!(later, Err(Error::Load(_))), "{later:?}");
}

/// C1
#[tokio::test]
async fn an_invalidation_while_absence_is_loaded_is_not_overwritten_by_it() {
    let (cache, _clock) = cache(MINUTE);
    let (begin, begun) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let load = |_| async {
        begin.send(()).unwrap();
        released.await.unwrap();
        Ok::<_, Infallible>(None::<u64>)
    };
    let reader = super::reading(&cache, "a", load);
    begun.await.unwrap();
    cache.invalidate("a").await.unwrap();
    release.send(()).unwrap();
    assert!(matches!(reader.await.unwrap(), Err(Error::Absent)));
    assert_eq!(cache.get_or_load("a", value(1)).await.unwrap(), 1);
    assert_eq!(cache.stats().fenced, 1);
}

/// A8
#[test]
fn a_cache_without_a_runtime_remembers_absence_too() {
    let cache = larder::sync::Cache::<String, u64>::builder("test")
        .policy(Policy::forever().negative_ttl(MINUTE))
        .build()
        .unwrap();
    let nothing = |_: &String| Ok::<_, Infallible>(None);
    for _ in 0..2 {
        assert!(matches!(
            cache.get_or_load("a", nothing),
            Err(Error::Absent)
        ));
    }
    assert_eq!(cache.stats().loads, 1);
    cache.insert("a".into(), 1).unwrap();
    assert_eq!(cache.get_or_load("a", nothing).unwrap(), 1);
}
