//! What a cache does while its link is lost, slow or half open, and when it comes back.

use std::time::Duration;

use larder::{Applied, CutOff, Error, MissReason};

use super::super::{held_load, reading, ready};
use super::fake::Fake;
use super::fake::way::Wire;
use super::{X, cache_on, cache_with, caches, is_everywhere, load, policy, value};

/// A6
#[tokio::test(start_paused = true)]
async fn a_write_without_a_link_holds_here_and_is_told_later() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.cut_off(0);
    assert_eq!(a.insert("k".into(), 2).await.unwrap(), Applied::Here);
    assert_eq!(value(&a, "k").await, Some(2));
    assert_eq!(value(&b, "k").await, Some(1));
    fake.heal(0).await;
    assert_eq!(value(&b, "k").await, None);
    assert_eq!(fake.net().server.bytes_of("users", "k"), None);
}

/// A6
#[tokio::test(start_paused = true)]
async fn a_strict_cache_says_that_a_write_was_not_acknowledged() {
    let fake = Fake::new();
    let a = cache_with(&fake, policy(), larder::Sharing::strict);
    for outcome in [
        a.insert("k".into(), 1).await,
        a.invalidate("k").await,
        a.invalidate_tag("t").await,
        a.clear().await,
    ] {
        assert!(matches!(outcome, Err(Error::NotEverywhere { .. })));
    }
    fake.pass(10).await;
    assert!(is_everywhere(a.insert("k".into(), 1).await));
}

/// F3
#[tokio::test(start_paused = true)]
async fn what_was_invalidated_while_the_link_was_lost_is_not_served_afterwards() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    load(&fake, &a, "same", 1).await;
    assert_eq!(
        (value(&b, "k").await, value(&b, "same").await),
        (Some(1), Some(1))
    );
    fake.lose(1);
    assert!(is_everywhere(a.invalidate("k").await));
    fake.pass(500).await;
    assert!(fake.is_up(1));
    assert_eq!(value(&b, "k").await, None);
    let before = fake.calls();
    assert_eq!(b.get_or_load("same", ready(9)).await.unwrap(), 1);
    assert_eq!(
        (fake.calls().reads, fake.calls().acquires),
        (before.reads + 1, before.acquires)
    );
    assert_eq!(
        b.peek("same"),
        Some(1),
        "its version was compared, and it is as good as before"
    );
}

/// F3, of many.
#[tokio::test(start_paused = true)]
async fn a_tag_that_was_invalidated_while_the_link_was_lost_is_not_served_afterwards() {
    let (fake, [a, b]) = caches().await;
    assert!(is_everywhere(a.entry("k").tags(["t"]).insert(1).await));
    assert_eq!(value(&b, "k").await, Some(1));
    fake.lose(1);
    assert!(is_everywhere(a.invalidate_tag("t").await));
    fake.pass(500).await;
    assert_eq!(value(&b, "k").await, None);
}

/// F4, J10
#[tokio::test(start_paused = true)]
async fn a_stalled_tracker_turns_memory_off_within_x() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.hold_answers(1, Wire::Tracker);
    assert!(is_everywhere(a.insert("k".into(), 2).await));
    assert_eq!(b.peek("k"), Some(1), "told of nothing yet");
    fake.pass(X).await;
    assert_eq!(b.peek("k"), None);
    assert_ne!(value(&b, "k").await, Some(1));
}

/// F5: the news of one change never come.
#[tokio::test(start_paused = true)]
async fn an_item_of_the_log_whose_news_is_lost_is_found_by_the_next_heartbeat() {
    let (fake, [a, b]) = caches().await;
    assert!(is_everywhere(a.entry("k").tags(["t"]).insert(1).await));
    fake.settle().await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.net().lose_pushes(true);
    assert!(is_everywhere(a.invalidate_tag("t").await));
    fake.net().lose_pushes(false);
    assert_eq!(b.peek("k"), Some(1));
    fake.pass(X / 4 + 1).await;
    assert_eq!(b.peek("k"), None);
}

/// F6
#[tokio::test(start_paused = true)]
async fn what_was_invalidated_without_a_link_is_told_before_the_store_is_read_again() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &b, "k", 1).await;
    assert!(is_everywhere(b.entry("tagged").tags(["t"]).insert(1).await));
    fake.cut_off(0);
    assert_eq!(a.invalidate("k").await.unwrap(), Applied::Here);
    assert_eq!(a.invalidate("k").await.unwrap(), Applied::Here);
    assert_eq!(a.invalidate_tag("t").await.unwrap(), Applied::Here);
    let before = fake.calls();
    fake.heal(0).await;
    let calls = fake.calls();
    assert_eq!(calls.invalidations, before.invalidations + 1);
    assert_eq!(calls.reads, before.reads);
    assert_eq!(
        (value(&a, "k").await, value(&a, "tagged").await),
        (None, None)
    );
    assert_eq!(
        (value(&b, "k").await, value(&b, "tagged").await),
        (None, None)
    );
}

/// F6
#[tokio::test(start_paused = true)]
async fn more_than_may_wait_becomes_an_invalidation_of_all() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &b, "another", 1).await;
    fake.cut_off(0);
    for key in 0..10_001 {
        assert_eq!(a.invalidate(&key.to_string()).await.unwrap(), Applied::Here);
    }
    let before = fake.calls();
    fake.heal(0).await;
    assert_eq!(fake.calls().invalidations, before.invalidations);
    assert_eq!(value(&b, "another").await, None);
}

/// F7
#[tokio::test(start_paused = true)]
async fn nothing_is_told_of_a_write_that_the_store_has_not_got() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &b, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.net().server.is_read_only = true;
    assert_eq!(a.insert("k".into(), 2).await.unwrap(), Applied::Here);
    fake.settle().await;
    assert_eq!(b.peek("k"), Some(1));
    assert!(fake.net().server.bytes_of("users", "k").is_some());
}

/// Milliseconds by which the clock may be late that tells the end of what nobody vouches for.
const LATE: u64 = 20;

/// F8
#[tokio::test(start_paused = true)]
async fn before_the_first_link_nothing_is_kept_longer_than_x() {
    let fake = Fake::new();
    let a = cache_on(&fake, policy());
    assert_eq!(a.get_or_load("k", ready(1)).await.unwrap(), 1);
    assert_eq!(a.peek("k"), Some(1));
    fake.jump(X - LATE - 1);
    assert_eq!(a.peek("k"), Some(1));
    fake.jump(1);
    assert_eq!(a.peek("k"), None, "the system's clock may be so late");
    assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 2);
}

/// What is loaded while cut off is not served past its time, whatever becomes of the link.
#[tokio::test(start_paused = true)]
async fn what_was_loaded_without_a_link_ends_at_its_time_when_the_link_is_back() {
    let (fake, [a, b]) = caches().await;
    fake.cut_off(0);
    assert_eq!(a.get_or_load("k", ready(1)).await.unwrap(), 1);
    assert!(is_everywhere(b.insert("k".into(), 2).await));
    fake.heal(0).await;
    assert_eq!(a.peek("k"), Some(1), "within X of its load");
    fake.pass(X - 500).await;
    assert_eq!(value(&a, "k").await, Some(2));
}

/// A load that began while there was no link is not joined after X by those who ask when there is one:
/// nobody has told of what happened before it came up.
#[tokio::test(start_paused = true)]
async fn a_load_from_before_the_link_stood_is_not_joined_later_than_x() {
    let (fake, [a, b]) = caches().await;
    fake.cut_off(0);
    let (held, load) = held_load();
    let first = reading(&a, "k", load);
    let held = held.begun().await;
    assert!(is_everywhere(b.invalidate("k").await));
    fake.heal(0).await;
    fake.pass(X).await;
    let later = reading(&a, "k", ready(2));
    fake.settle().await;
    held.release(1);
    fake.settle().await;
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(later.await.unwrap().unwrap(), 2);
}

/// E9, E10
#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_answered_ends_the_connection_and_until_the_next_none_is_made() {
    let (fake, [a]) = caches().await;
    fake.hold_answers(0, Wire::Data);
    let get = reading(&a, "k", ready(1));
    fake.net().nodes[0].is_cut_off = true;
    fake.pass(X + 1).await;
    assert_eq!(get.await.unwrap().unwrap(), 1);
    assert!(!fake.is_up(0));
    let before = fake.calls();
    for key in 0..100 {
        assert_eq!(
            a.get_or_load(&key.to_string(), ready(key)).await.unwrap(),
            key
        );
    }
    assert_eq!(fake.calls(), before);
    fake.heal(0).await;
    load(&fake, &a, "other", 2).await;
    fake.pass(2 * X).await;
    assert_eq!(value(&a, "other").await, Some(2));
}

/// J3
#[tokio::test(start_paused = true)]
async fn an_answer_on_a_link_that_nobody_vouches_for_is_not_served() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    fake.pass(10).await;
    fake.hold_answers(1, Wire::Tracker);
    fake.pass(900).await;
    fake.stall(1, Wire::Data, 200);
    let get = reading(&b, "k", ready(2));
    fake.pass(300).await;
    assert_eq!(get.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn cut_off_short_loads_each_key_once_in_x() {
    let (fake, [a]) = caches().await;
    load(&fake, &a, "k", 1).await;
    fake.cut_off(0);
    for round in 0..10 {
        assert_eq!(
            a.get_or_load("k", ready(round)).await.unwrap(),
            round / 4 * 4
        );
        fake.pass(X / 4).await;
    }
    assert_eq!(a.stats().loads, 4);
}

#[tokio::test(start_paused = true)]
async fn why_it_was_missed_tells_a_lost_link_and_another_process_from_its_time() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    load(&fake, &a, "l", 1).await;
    let why = async |key| {
        assert_eq!(a.peek(key), None);
        a.explain(key).await.unwrap().last_miss.unwrap().reason
    };
    b.invalidate("k").await.unwrap();
    fake.settle().await;
    assert_eq!(why("k").await, MissReason::Removed);
    fake.cut_off(0);
    fake.pass(1_100).await;
    assert_eq!(why("l").await, MissReason::NoLink);
    assert_eq!(a.get_or_load("l", ready(2)).await.unwrap(), 2);
    fake.pass(1_100).await;
    assert_eq!(
        why("l").await,
        MissReason::NoLink,
        "what is loaded then is kept for X alone"
    );
}

/// A4
#[tokio::test(start_paused = true)]
async fn cut_off_stale_serves_what_memory_holds_for_its_time_and_says_so() {
    let fake = Fake::new();
    let limit = CutOff::Stale(Duration::from_secs(5));
    let a = cache_with(&fake, policy(), |sharing| sharing.cut_off(limit));
    fake.pass(10).await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&a, "k").await, Some(1));
    fake.cut_off(0);
    fake.pass(4_000).await;
    let entry = a.get("k").await.unwrap().unwrap();
    assert_eq!((entry.value, entry.is_stale), (1, true));
    assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 1);
    assert_eq!(a.get_or_load("unknown", ready(3)).await.unwrap(), 3);
    assert_eq!(a.invalidate("k").await.unwrap(), Applied::Here);
    assert_eq!(value(&a, "k").await, None, "one's own invalidations hold");
    fake.pass(1_100).await;
    assert_eq!(a.get_or_load("k", ready(4)).await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn cut_off_error_says_so_and_loads_nothing() {
    let fake = Fake::new();
    let a = cache_with(&fake, policy(), |sharing| sharing.cut_off(CutOff::Error));
    assert!(matches!(a.get("k").await, Err(Error::CutOff)));
    assert!(matches!(
        a.get_or_load("k", ready(1)).await,
        Err(Error::CutOff)
    ));
    fake.pass(10).await;
    assert_eq!(a.get_or_load("k", ready(1)).await.unwrap(), 1);
    fake.settle().await;
    fake.cut_off(0);
    assert!(matches!(
        a.get_or_load("k", ready(2)).await,
        Err(Error::CutOff)
    ));
    assert_eq!(a.stats().loads, 1);
}

/// An invalidation that was done and whose answer was lost is done once more, and harms nobody.
#[tokio::test(start_paused = true)]
async fn an_invalidation_whose_answer_is_lost_is_said_to_hold_here_and_sent_again() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &b, "k", 1).await;
    fake.hold_answers(0, Wire::Data);
    let cache = a.clone();
    let writer = tokio::spawn(async move { cache.invalidate("k").await.unwrap() });
    fake.settle().await;
    fake.lose(0);
    assert_eq!(writer.await.unwrap(), Applied::Here);
    assert_eq!(value(&b, "k").await, None);
    fake.pass(500).await;
    assert_eq!(fake.calls().invalidations, 2);
    load(&fake, &a, "k", 2).await;
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(2), Some(2))
    );
}
