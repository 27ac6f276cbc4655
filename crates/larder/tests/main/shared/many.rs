//! Invalidations of many keys, by one process for all.

use larder::{Cache, Sharing};

use super::super::ready;
use super::fake::way::Wire;
use super::{X, cache_on, caches, is_everywhere, load, policy, value};

async fn tagged(cache: &super::Users, key: &str, tag: &str, value: u64) {
    let insert = cache.entry(key).tags([tag.to_owned()]).insert(value).await;
    assert!(is_everywhere(insert));
}

/// G1, G2, G4
#[tokio::test(start_paused = true)]
async fn a_tag_that_one_invalidates_is_gone_for_all_and_what_comes_after_is_not() {
    let (fake, [a, b]) = caches().await;
    tagged(&a, "1", "red", 1).await;
    tagged(&a, "2", "blue", 2).await;
    fake.settle().await;
    assert_eq!(
        (value(&b, "1").await, value(&b, "2").await),
        (Some(1), Some(2))
    );
    assert!(is_everywhere(a.invalidate_tag("red").await));
    fake.settle().await;
    for cache in [&a, &b] {
        assert_eq!(
            (value(cache, "1").await, value(cache, "2").await),
            (None, Some(2))
        );
        let many = cache.get_many(["1", "2"]).await.unwrap();
        assert_eq!(many.iter().flatten().count(), 1);
    }
    tagged(&a, "1", "red", 3).await;
    fake.settle().await;
    assert_eq!(
        (value(&a, "1").await, value(&b, "1").await),
        (Some(3), Some(3))
    );
    tagged(&b, "1", "blue", 4).await;
    assert!(is_everywhere(a.invalidate_tag("red").await));
    fake.settle().await;
    assert_eq!(
        (value(&a, "1").await, value(&b, "1").await),
        (Some(4), Some(4))
    );
}

/// G3
#[tokio::test(start_paused = true)]
async fn tags_that_only_the_load_names_work_for_all() {
    let (fake, [a, b]) = caches().await;
    let named =
        |_| async { Ok::<_, std::convert::Infallible>(larder::Loaded::from(1).tags(["t"])) };
    assert_eq!(a.get_or_load("k", named).await.unwrap(), 1);
    fake.settle().await;
    assert_eq!(value(&b, "k").await, Some(1));
    assert!(is_everywhere(b.invalidate_tag("t").await));
    fake.settle().await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
}

/// G5
#[tokio::test(start_paused = true)]
async fn a_process_that_starts_later_knows_what_was_invalidated_before() {
    let (fake, [a]) = caches().await;
    tagged(&a, "1", "red", 1).await;
    tagged(&a, "2", "blue", 2).await;
    assert!(is_everywhere(a.invalidate_tag("red").await));
    let cold = cache_on(&fake, policy());
    fake.pass(10).await;
    assert_eq!(
        (value(&cold, "1").await, value(&cold, "2").await),
        (None, Some(2))
    );
}

/// G6
#[tokio::test(start_paused = true)]
async fn nothing_is_served_before_the_log_is_known() {
    let (fake, [a]) = caches().await;
    tagged(&a, "1", "red", 1).await;
    assert!(is_everywhere(a.invalidate_tag("red").await));
    let cold = cache_on(&fake, policy());
    fake.hold_answers(1, Wire::Data);
    fake.pass(100).await;
    assert!(!fake.is_up(1));
    assert_eq!(value(&cold, "1").await, None);
    assert_eq!(cold.get_or_load("1", ready(2)).await.unwrap(), 2);
    fake.release_answers(1, Wire::Data).await;
    fake.pass(X).await;
    assert_eq!(value(&cold, "1").await, None);
}

/// G7
#[tokio::test(start_paused = true)]
async fn a_log_that_was_lost_costs_misses_and_brings_nothing_back() {
    for is_told in [true, false] {
        let (fake, [a, b]) = caches().await;
        tagged(&a, "1", "red", 1).await;
        assert_eq!(value(&b, "1").await, Some(1));
        assert!(is_everywhere(a.invalidate_tag("red").await));
        tagged(&a, "2", "blue", 2).await;
        fake.settle().await;
        fake.lose_log("users", is_told);
        fake.pass(X).await;
        for cache in [&a, &b] {
            assert_eq!(value(cache, "1").await, None);
            assert_eq!(
                value(cache, "2").await,
                None,
                "it was stored under another log"
            );
        }
        tagged(&b, "2", "blue", 3).await;
        fake.settle().await;
        assert_eq!(
            (value(&a, "2").await, value(&b, "2").await),
            (Some(3), Some(3))
        );
        assert!(is_everywhere(a.invalidate_tag("blue").await));
        fake.settle().await;
        assert_eq!(value(&b, "2").await, None);
    }
}

/// G7
#[tokio::test(start_paused = true)]
async fn a_log_that_was_set_back_brings_nothing_back() {
    let (fake, [a, b]) = caches().await;
    tagged(&a, "1", "red", 1).await;
    tagged(&a, "2", "blue", 2).await;
    fake.settle().await;
    assert_eq!(
        (value(&a, "1").await, value(&b, "2").await),
        (Some(1), Some(2))
    );
    assert!(is_everywhere(a.invalidate_tag("red").await));
    fake.settle().await;
    fake.net().server.roll_log_back("users");
    fake.pass(X).await;
    assert_eq!(a.peek("1"), None);
    assert!(is_everywhere(b.invalidate_tag("blue").await));
    fake.settle().await;
    assert_eq!((value(&a, "2").await, value(&b, "2").await), (None, None));
}

/// J9, G7
#[tokio::test(start_paused = true)]
async fn what_a_long_log_forgets_is_invalid_and_not_brought_back() {
    let (fake, [a, b]) = caches().await;
    tagged(&a, "1", "red", 1).await;
    tagged(&a, "2", "blue", 2).await;
    fake.settle().await;
    assert_eq!(
        (value(&b, "1").await, value(&b, "2").await),
        (Some(1), Some(2))
    );
    assert!(is_everywhere(a.invalidate_tag("red").await));
    for tag in 0..4_200 {
        assert!(is_everywhere(a.invalidate_tag(&format!("t{tag}")).await));
    }
    fake.pass(10).await;
    let cold = cache_on(&fake, policy());
    fake.pass(10).await;
    for cache in [&a, &b, &cold] {
        assert_eq!(value(cache, "1").await, None);
    }
    tagged(&cold, "3", "green", 3).await;
    fake.settle().await;
    assert_eq!(value(&b, "3").await, Some(3));
}

/// G10
#[tokio::test(start_paused = true)]
async fn clearing_a_namespace_leaves_one_whose_name_begins_like_it() {
    let (fake, [a]) = caches().await;
    let other = Cache::<String, u64>::builder("usersAbc")
        .clock(fake.clock())
        .remote(Sharing::over(fake.seat()))
        .build()
        .unwrap();
    fake.pass(10).await;
    load(&fake, &a, "k", 1).await;
    load(&fake, &other, "k", 2).await;
    assert!(is_everywhere(a.clear().await));
    fake.settle().await;
    assert_eq!(
        (value(&a, "k").await, value(&other, "k").await),
        (None, Some(2))
    );
}

/// G12
#[tokio::test(start_paused = true)]
async fn a_new_version_of_the_namespace_hides_the_old_entries_and_refuses_late_writes_of_it() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    let fence = b.fence();
    a.bump_version().await.unwrap();
    fake.settle().await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
    let late = b.entry("k").fenced_by(fence).insert(1).await.unwrap();
    assert_eq!(late, larder::Applied::Fenced);
    assert_eq!(value(&a, "k").await, None);
}

/// J2
#[tokio::test(start_paused = true)]
async fn who_joins_a_load_after_a_tag_was_invalidated_does_not_get_what_has_it() {
    let (fake, [a, b]) = caches().await;
    let (held, release) = tokio::sync::oneshot::channel::<u64>();
    let load = move |_| async move {
        let value = release.await.unwrap();
        Ok::<_, std::convert::Infallible>(larder::Loaded::from(value).tags(["t"]))
    };
    let first = super::super::reading(&a, "k", load);
    fake.settle().await;
    assert!(is_everywhere(b.invalidate_tag("t").await));
    fake.settle().await;
    let second = super::super::reading(&a, "k", ready(2));
    fake.settle().await;
    held.send(1).unwrap();
    fake.settle().await;
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(second.await.unwrap().unwrap(), 2);
}

/// One's own invalidation of many holds for one's own next get, whoever stored the entry.
#[tokio::test(start_paused = true)]
async fn ones_own_invalidation_of_many_is_known_when_it_returns() {
    let (fake, [a, b]) = caches().await;
    tagged(&b, "k", "t", 1).await;
    fake.hold_answers(0, Wire::Tracker);
    assert!(is_everywhere(a.invalidate_tag("t").await));
    assert_eq!(value(&a, "k").await, None);
}

/// A log that could not be read once is read again with the next heartbeat.
#[tokio::test(start_paused = true)]
async fn news_of_the_log_that_failed_once_are_asked_for_again() {
    let (fake, [a, b]) = caches().await;
    tagged(&a, "k", "t", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.net().fail_logs(1, 1);
    assert!(is_everywhere(a.invalidate_tag("t").await));
    fake.pass(X + 1).await;
    assert_eq!(b.peek("k"), None);
    fake.pass(X).await;
    load(&fake, &b, "k", 2).await;
    assert_eq!(value(&b, "k").await, Some(2));
    fake.pass(X).await;
    assert_eq!(b.peek("k"), Some(2), "and the gate is open again");
}
