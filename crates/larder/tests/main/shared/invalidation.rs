//! A value that was invalidated by one process is not served by another.

use larder::{Applied, Source};

use super::super::{held_load, reading, ready};
use super::fake::way::Wire;
use super::{X, caches, is_everywhere, load, seen, value};

/// F1
#[tokio::test(start_paused = true)]
async fn what_one_writes_another_serves_as_soon_as_it_is_told() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    assert!(is_everywhere(a.insert("k".into(), 2).await));
    fake.settle().await;
    assert_eq!(seen(&b, "k").await, Some((2, Source::Remote)));
    assert_eq!(value(&a, "k").await, Some(2));
    assert!(is_everywhere(b.invalidate("k").await));
    fake.settle().await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
}

/// C1, C7, J1
#[tokio::test(start_paused = true)]
async fn an_invalidation_by_another_during_a_load_is_not_overwritten_by_it() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let reader = reading(&a, "k", load);
    let held = held.begun().await;
    // There is no entry yet: a is told all the same.
    assert!(is_everywhere(b.invalidate("k").await));
    fake.settle().await;
    held.release(1);
    assert_eq!(reader.await.unwrap().unwrap(), 1, "its own waiter gets it");
    fake.settle().await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
}

/// J1
#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_anothers_invalidation_is_not_joined_later() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let reader = reading(&a, "k", load);
    let held = held.begun().await;
    assert!(is_everywhere(b.invalidate("k").await));
    fake.pass(X + 1).await;
    assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 2);
    held.release(1);
    assert_eq!(reader.await.unwrap().unwrap(), 1);
    fake.settle().await;
    assert_eq!(value(&a, "k").await, Some(2));
}

/// J1: not while it is being stored either.
#[tokio::test(start_paused = true)]
async fn a_load_that_was_overtaken_is_not_joined_while_it_is_being_stored() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let reader = reading(&a, "k", load);
    let held = held.begun().await;
    assert!(is_everywhere(b.invalidate("k").await));
    fake.pass(900).await;
    // What it brings takes its time to the store, and what is asked later overtakes it.
    fake.be_unordered(400);
    held.release(1);
    fake.settle().await;
    fake.be_unordered(0);
    fake.pass(150).await;
    assert!(!reader.is_finished());
    let later = reading(&a, "k", ready(2));
    fake.pass(2 * X).await;
    assert_eq!(later.await.unwrap().unwrap(), 2);
    assert_eq!(reader.await.unwrap().unwrap(), 1);
}

/// F6 of the protocol: what was stored is invalidated before its own acknowledgement has come back.
#[tokio::test(start_paused = true)]
async fn a_value_that_is_invalidated_between_its_storing_and_the_answer_is_not_served_later() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let reader = reading(&a, "k", load);
    let held = held.begun().await;
    fake.pass(100).await;
    fake.stall(0, Wire::Data, 950);
    held.release(1);
    fake.settle().await;
    assert!(is_everywhere(b.invalidate("k").await));
    fake.pass(900).await;
    assert!(!reader.is_finished(), "the answer is on its way");
    fake.pass(200).await;
    assert_eq!(reader.await.unwrap().unwrap(), 1);
    assert_eq!(value(&a, "k").await, None);
}

/// J12
#[tokio::test(start_paused = true)]
async fn the_news_of_ones_own_storing_before_its_answer_does_not_lose_the_value() {
    let (fake, [a]) = caches().await;
    fake.hold_answers(0, Wire::Data);
    let (held, load) = held_load();
    fake.release_answers(0, Wire::Data).await;
    let reader = reading(&a, "k", load);
    let held = held.begun().await;
    fake.hold_answers(0, Wire::Data);
    held.release(1);
    fake.settle().await;
    fake.release_answers(0, Wire::Data).await;
    assert_eq!(reader.await.unwrap().unwrap(), 1);
    let before = fake.calls();
    assert_eq!(seen(&a, "k").await.map(|(value, _)| value), Some(1));
    assert_eq!(
        (fake.calls().reads, fake.calls().acquires),
        (before.reads + 1, before.acquires)
    );
    assert_eq!(a.peek("k"), Some(1));
}

/// C2, C3, C4
#[tokio::test(start_paused = true)]
async fn an_invalidation_of_many_by_another_during_a_load_is_not_overwritten_by_it() {
    for way in 0..4 {
        let (fake, [a, b]) = caches().await;
        let (held, load) = held_load();
        let cache = a.clone();
        let reader = tokio::spawn(async move {
            cache
                .entry("eu:7")
                .tags(["t"])
                .or_load(load)
                .await
                .map(|entry| entry.value)
        });
        let held = held.begun().await;
        assert!(is_everywhere(match way {
            0 => b.clear().await,
            1 => b.invalidate_tag("t").await,
            2 => b.invalidate_prefix("eu:").await,
            _ => b.invalidate_matching("eu:*").await,
        }));
        fake.settle().await;
        held.release(1);
        assert_eq!(reader.await.unwrap().unwrap(), 1);
        fake.settle().await;
        assert_eq!(
            (value(&a, "eu:7").await, value(&b, "eu:7").await),
            (None, None),
            "way {way}"
        );
    }
}

/// C5
#[tokio::test(start_paused = true)]
async fn an_insert_by_another_during_a_load_wins_whatever_order_they_finish_in() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let reader = reading(&a, "k", load);
    let held = held.begun().await;
    assert!(is_everywhere(b.insert("k".into(), 2).await));
    held.release(1);
    assert_eq!(reader.await.unwrap().unwrap(), 1);
    fake.settle().await;
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(2), Some(2))
    );
}

/// C6, J7
#[tokio::test(start_paused = true)]
async fn a_reading_that_an_invalidation_overtakes_is_not_kept() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    fake.hold_answers(1, Wire::Data);
    let cache = b.clone();
    let reader = tokio::spawn(async move { value(&cache, "k").await });
    fake.settle().await;
    assert!(is_everywhere(a.invalidate("k").await));
    fake.settle().await;
    fake.release_answers(1, Wire::Data).await;
    assert_eq!(
        reader.await.unwrap(),
        Some(1),
        "who asked before may have it"
    );
    assert_eq!(b.peek("k"), None);
    assert_eq!(value(&b, "k").await, None);
}

/// C8, J8
#[tokio::test(start_paused = true)]
async fn what_was_read_between_the_halves_of_ones_own_invalidation_is_gone_when_it_returns() {
    let (fake, [a]) = caches().await;
    load(&fake, &a, "k", 1).await;
    // Nothing is pushed before it returns.
    fake.hold_answers(0, Wire::Tracker);
    fake.hold_commands(0, Wire::Data);
    let cache = a.clone();
    let reader = tokio::spawn(async move { value(&cache, "k").await });
    fake.settle().await;
    let cache = a.clone();
    let writer = tokio::spawn(async move { cache.invalidate("k").await.unwrap() });
    fake.settle().await;
    fake.release_commands(0, Wire::Data).await;
    assert_eq!(writer.await.unwrap(), Applied::Everywhere);
    reader.await.unwrap();
    assert_eq!(a.peek("k"), None);
    assert_eq!(value(&a, "k").await, None);
}

/// J8: the reading is sent after the first half.
#[tokio::test(start_paused = true)]
async fn what_was_read_after_the_first_half_of_an_invalidation_is_gone_when_it_returns() {
    let (fake, [a]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&a, "k").await, Some(1));
    fake.hold_answers(0, Wire::Tracker);
    let cache = a.clone();
    // The value of the key is read again before the invalidation is sent.
    fake.hold_commands(0, Wire::Data);
    let reader = tokio::spawn(async move {
        cache.invalidate("other").await.unwrap();
    });
    fake.settle().await;
    let cache = a.clone();
    let writer = tokio::spawn(async move { cache.invalidate("k").await.unwrap() });
    fake.settle().await;
    fake.release_commands(0, Wire::Data).await;
    reader.await.unwrap();
    assert_eq!(writer.await.unwrap(), Applied::Everywhere);
    assert_eq!(value(&a, "k").await, None);
}

/// F9
#[tokio::test(start_paused = true)]
async fn a_hot_key_that_changes_is_read_once_by_each() {
    let (fake, caches) = caches::<20>().await;
    load(&fake, &caches[0], "k", 1).await;
    for cache in &caches {
        assert_eq!(value(cache, "k").await, Some(1));
    }
    assert!(is_everywhere(caches[0].insert("k".into(), 2).await));
    fake.settle().await;
    let before = fake.calls();
    let gets = caches
        .iter()
        .flat_map(|cache| (0..10).map(|_| reading(cache, "k", ready(9))));
    for get in gets.collect::<Vec<_>>() {
        assert_eq!(get.await.unwrap().unwrap(), 2);
    }
    assert_eq!(fake.calls().reads, before.reads + caches.len());
    assert_eq!(fake.calls().acquires, before.acquires);
}

/// F12
#[tokio::test(start_paused = true)]
async fn what_another_program_deletes_or_writes_is_dropped() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    let bytes = fake.net().server.bytes_of("users", "k").unwrap();
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(1), Some(1))
    );
    fake.put_foreign("users", "k", None);
    fake.settle().await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
    fake.put_foreign("users", "k", Some(&bytes));
    fake.settle().await;
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(1), Some(1))
    );
}

/// F2
#[tokio::test(start_paused = true)]
async fn ones_own_news_costs_one_comparison_and_no_load() {
    let (fake, [a]) = caches().await;
    assert!(is_everywhere(a.insert("k".into(), 1).await));
    fake.settle().await;
    let before = fake.calls();
    assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 1);
    assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 1);
    let calls = fake.calls();
    assert_eq!(
        (calls.reads, calls.acquires),
        (before.reads + 1, before.acquires)
    );
}

/// A5
#[tokio::test(start_paused = true)]
async fn an_older_answer_does_not_replace_what_memory_holds() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    fake.hold_answers(1, Wire::Data);
    let cache = b.clone();
    let reader = tokio::spawn(async move { value(&cache, "k").await });
    fake.settle().await;
    let cache = b.clone();
    let writer = tokio::spawn(async move { cache.insert("k".into(), 2).await.unwrap() });
    fake.settle().await;
    fake.release_answers(1, Wire::Data).await;
    fake.settle().await;
    assert_eq!(reader.await.unwrap(), Some(1));
    assert_eq!(writer.await.unwrap(), Applied::Everywhere);
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(2), Some(2))
    );
}

#[tokio::test(start_paused = true)]
async fn an_expired_value_is_stale_for_all_and_not_gone() {
    let policy = super::policy().stale_while_revalidate(super::MINUTE);
    let (fake, [a, b]) = super::caches_with(policy).await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.pass(1_000).await;
    assert!(is_everywhere(a.expire("k").await));
    fake.settle().await;
    for cache in [&a, &b] {
        let entry = cache.get("k").await.unwrap().unwrap();
        assert_eq!((entry.value, entry.is_stale), (1, true));
    }
    assert_eq!(b.get_or_load("k", ready(2)).await.unwrap(), 1);
    fake.settle().await;
    assert_eq!(value(&a, "k").await, Some(2));
}
