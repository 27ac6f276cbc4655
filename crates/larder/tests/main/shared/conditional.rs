//! Loads that say that the stored value is still true.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

use larder::{LoadCx, Loaded, Policy};

use super::super::MINUTE;
use super::fake::way::Wire;
use super::{Users, caches_with, is_everywhere, seen, value};

fn conditional() -> Policy {
    Policy::ttl(MINUTE).stale_if_error(10 * MINUTE)
}

/// A load that brings 5, and says that it is true still to whoever has it.
fn unmodified(
    tag: &'static str,
) -> impl FnOnce(LoadCx<String, u64>) -> Ready<Result<Loaded<u64>, Infallible>> + Send + 'static {
    move |cx| {
        ready(Ok(match cx.etag() {
            Some("v1") => Loaded::not_modified().tags([tag]),
            _ => Loaded::from(5).etag("v1").tags([tag]),
        }))
    }
}

async fn load(cache: &Users, tag: &'static str) -> u64 {
    cache.get_or_load("k", unmodified(tag)).await.unwrap()
}

/// I10
#[tokio::test(start_paused = true)]
async fn a_value_that_was_not_modified_lives_on_everywhere_and_only_its_header_is_sent() {
    let (fake, [a, b]) = caches_with(conditional()).await;
    assert_eq!(load(&a, "first").await, 5);
    fake.settle().await;
    assert_eq!(value(&b, "k").await, Some(5));
    for round in 1..4 {
        fake.pass(90_000).await;
        assert_eq!(value(&b, "k").await, None, "it is past its time");
        assert_eq!(load(&a, "second").await, 5);
        fake.settle().await;
        let calls = fake.calls();
        assert_eq!((calls.fills, calls.extensions), (1, round));
        let before = b.stats().remote.unwrap();
        let entry = b.get("k").await.unwrap().unwrap();
        assert_eq!((entry.value, entry.age), (5, Duration::ZERO));
        let after = b.stats().remote.unwrap();
        assert_eq!(after.revalidated, before.revalidated + 1, "by its header");
        assert_eq!(after.hits, before.hits);
    }
    let figures = a.stats().remote.unwrap();
    assert_eq!((figures.fills, figures.extended), (1, 3));
    assert_eq!((a.stats().loads, a.stats().not_modified), (4, 3));
    fake.pass(59_000).await;
    assert_eq!(value(&a, "k").await, Some(5));
    for tag in ["first", "second"] {
        assert_eq!(load(&a, "second").await, 5);
        fake.settle().await;
        assert!(is_everywhere(b.invalidate_tag(tag).await));
        fake.settle().await;
        assert_eq!((seen(&a, "k").await, seen(&b, "k").await), (None, None));
    }
}

/// C7: its life is not prolonged under a lease that is over.
#[tokio::test(start_paused = true)]
async fn what_is_invalidated_while_it_is_found_not_modified_is_gone() {
    for after in ["the load began", "its header was read"] {
        let (fake, [a, b]) = caches_with(conditional()).await;
        assert_eq!(load(&a, "t").await, 5);
        fake.pass(90_000).await;
        let (go, gone) = tokio::sync::oneshot::channel();
        let slow = move |_| async move {
            gone.await.unwrap();
            Ok::<_, Infallible>(Loaded::<u64>::not_modified())
        };
        let get = super::super::reading(&a, "k", slow);
        fake.settle().await;
        if after == "its header was read" {
            fake.hold_answers(0, Wire::Data);
            go.send(()).unwrap();
            fake.settle().await;
            assert!(is_everywhere(b.invalidate("k").await));
        } else {
            assert!(is_everywhere(b.invalidate("k").await));
            fake.settle().await;
            go.send(()).unwrap();
        }
        fake.settle().await;
        fake.release_answers(0, Wire::Data).await;
        assert_eq!(get.await.unwrap().unwrap(), 5, "{after}");
        fake.settle().await;
        assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
        assert_eq!(fake.net().server.bytes_of("users", "k"), None);
    }
}

/// What the server has lost meanwhile is stored anew.
#[tokio::test(start_paused = true)]
async fn a_value_that_the_store_has_not_any_more_is_stored_whole() {
    let (fake, [a, b]) = caches_with(conditional()).await;
    assert_eq!(load(&a, "t").await, 5);
    fake.pass(90_000).await;
    fake.hold_answers(0, Wire::Tracker);
    fake.put_foreign("users", "k", None);
    assert_eq!(load(&a, "t").await, 5);
    let calls = fake.calls();
    assert_eq!((calls.fills, calls.extensions), (2, 0));
    fake.release_answers(0, Wire::Tracker).await;
    assert_eq!(value(&b, "k").await, Some(5));
}
