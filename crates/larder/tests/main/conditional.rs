//! Loads that say "still the same".

use std::convert::Infallible;
use std::future::{Ready, ready};

use larder::{Cache, Error, LoadCx, Loaded, ManualClock, Policy};

use super::MINUTE;

fn cache(clock: &ManualClock) -> Cache<String, u64> {
    let policy = Policy::ttl(MINUTE)
        .stale_if_error(10 * MINUTE)
        .refresh_ahead(0.5);
    let cache = Cache::builder("test").policy(policy).clock(clock.clock());
    cache.build().unwrap()
}

/// An origin whose state is called `etag`.
fn origin(
    etag: &'static str,
    value: u64,
) -> impl Fn(LoadCx<String, u64>) -> Ready<Result<Loaded<u64>, Infallible>> + Clone {
    move |cx| {
        ready(Ok(if cx.etag() == Some(etag) {
            assert_eq!(cx.stale(), Some(&value));
            Loaded::not_modified()
        } else {
            Loaded::from(value).etag(etag).tags(["t"])
        }))
    }
}

/// I10
#[tokio::test]
async fn a_value_that_was_not_modified_is_fresh_again_with_its_tags_and_etag() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    for round in 0..3 {
        let entry = cache.entry("a").or_load(origin("v1", 5)).await.unwrap();
        assert_eq!((entry.value, entry.is_stale), (5, false), "{round}");
        assert_eq!(cache.peek("a"), Some(5), "it is fresh");
        clock.advance(MINUTE + MINUTE / 2);
    }
    assert_eq!(cache.stats().not_modified, 2);
    assert_eq!(cache.get_or_load("a", origin("v2", 6)).await.unwrap(), 6);
    cache.invalidate_tag("t").await.unwrap();
    assert_eq!(cache.peek("a"), None);
}

/// I10
#[tokio::test]
async fn a_refresh_ahead_of_the_end_may_say_so_too() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    cache.get_or_load("a", origin("v1", 5)).await.unwrap();
    clock.advance(MINUTE * 3 / 4);
    cache.get_or_load("a", origin("v1", 5)).await.unwrap();
    while cache.stats().not_modified == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(MINUTE / 2);
    assert_eq!(cache.peek("a"), Some(5));
}

#[tokio::test]
async fn without_a_value_to_keep_it_is_an_error_and_nothing_is_stored() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    let same = |_| ready(Ok::<_, Infallible>(Loaded::not_modified()));
    let nothing = cache.get_or_load("a", same).await;
    assert!(matches!(nothing, Err(Error::NothingToKeep)), "{nothing:?}");
    assert_eq!(cache.len(), 0);
}

/// C8
#[tokio::test]
async fn an_invalidated_value_is_not_shown_to_the_loader() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    cache.get_or_load("a", origin("v1", 5)).await.unwrap();
    clock.advance(2 * MINUTE);
    cache.invalidate_tag("t").await.unwrap();
    let load = |cx: LoadCx<String, u64>| {
        assert_eq!((cx.stale(), cx.etag()), (None, None));
        ready(Ok::<_, Infallible>(6))
    };
    assert_eq!(cache.get_or_load("a", load).await.unwrap(), 6);
}

/// C8
#[tokio::test]
async fn what_was_invalidated_while_a_get_waited_is_not_shown_to_the_load_that_it_then_runs() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    cache.get_or_load("a", origin("v1", 5)).await.unwrap();
    clock.advance(2 * MINUTE);
    let (held, load) = super::held_load();
    let first = super::reading(&cache, "a", load);
    let held = held.begun().await;
    // Something else is stored, so that the second get is known to have begun after the first.
    cache.insert("b".into(), 7).await.unwrap();
    let keep = |cx: LoadCx<String, u64>| {
        ready(Ok::<_, Infallible>(match cx.stale() {
            Some(_) => Loaded::not_modified(),
            None => Loaded::from(6),
        }))
    };
    let second = super::reading(&cache, "a", keep);
    while cache.stats().coalesced == 0 {
        tokio::task::yield_now().await;
    }
    // What clears makes the waiting get refuse what the first load brings.
    cache.clear().await.unwrap();
    held.release(5);
    assert_eq!(first.await.unwrap().unwrap(), 5, "it joined before");
    assert_eq!(second.await.unwrap().unwrap(), 6);
    assert_eq!(cache.peek("a"), Some(6));
}

/// C1
#[tokio::test]
async fn an_invalidation_while_the_origin_is_asked_is_not_undone_by_its_answer() {
    let clock = ManualClock::new();
    let cache = cache(&clock);
    cache.get_or_load("a", origin("v1", 5)).await.unwrap();
    clock.advance(2 * MINUTE);
    let (begin, begun) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let load = |_| async {
        begin.send(()).unwrap();
        released.await.unwrap();
        Ok::<_, Infallible>(Loaded::not_modified())
    };
    let reader = super::reading(&cache, "a", load);
    begun.await.unwrap();
    cache.invalidate("a").await.unwrap();
    release.send(()).unwrap();
    assert_eq!(reader.await.unwrap().unwrap(), 5, "it joined before");
    assert!(cache.get("a").await.unwrap().is_none());
}
