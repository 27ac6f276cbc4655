//! What the store holds, and what of it is raised into memory.

use std::convert::Infallible;
use std::time::Duration;

use larder::{Cache, Loaded, Policy, Sharing, Source};

use super::super::{MINUTE, ready};
use super::fake::Fake;
use super::{cache_on, caches, caches_with, is_everywhere, load, policy, seen, value};

/// A1
#[tokio::test(start_paused = true)]
async fn what_another_stored_is_raised_with_its_age_and_for_what_is_left_of_its_life() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    fake.pass(20_000).await;
    let entry = b.get("k").await.unwrap().unwrap();
    assert_eq!((entry.value, entry.source), (1, Source::Remote));
    assert_eq!(entry.age, Duration::from_secs(20));
    assert_eq!(seen(&b, "k").await, Some((1, Source::Memory)));
    fake.pass(39_999).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.pass(2).await;
    assert_eq!(value(&b, "k").await, None);
}

/// A2
#[tokio::test(start_paused = true)]
async fn a_hit_in_memory_asks_the_server_nothing() {
    let (fake, [a]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(
        value(&a, "k").await,
        Some(1),
        "compared once, for it was told of its own change"
    );
    let before = fake.calls();
    for _ in 0..100 {
        assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 1);
        fake.pass(100).await;
    }
    assert_eq!(fake.calls(), before);
}

/// A3
#[tokio::test(start_paused = true)]
async fn a_get_that_finds_nothing_writes_nothing() {
    let (fake, [a]) = caches().await;
    assert_eq!(value(&a, "k").await, None);
    let calls = fake.calls();
    assert_eq!((calls.reads, calls.acquires, calls.fills), (1, 0, 0));
    assert_eq!(fake.net().server.bytes_of("users", "k"), None);
}

/// A8
#[tokio::test(start_paused = true)]
async fn that_a_key_has_no_value_is_known_to_all_for_its_time() {
    let (fake, [a, b]) = caches_with(policy().negative_ttl(Duration::from_secs(30))).await;
    let none = |_| async { Ok::<Option<u64>, Infallible>(None) };
    assert_eq!(a.get_or_load_optional("k", none).await.unwrap(), None);
    fake.settle().await;
    assert_eq!(b.get_or_load_optional("k", ready(1)).await.unwrap(), None);
    assert_eq!(b.get_or_load_optional("k", ready(1)).await.unwrap(), None);
    assert_eq!((a.stats().loads, b.stats().loads), (1, 0));
    assert!(is_everywhere(a.invalidate("k").await));
    fake.settle().await;
    assert_eq!(
        b.get_or_load_optional("k", ready(1)).await.unwrap(),
        Some(1)
    );
    fake.pass(31_000).await;
    assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 1);
}

/// A8
#[tokio::test(start_paused = true)]
async fn that_a_key_has_no_value_is_forgotten_when_another_inserts_one() {
    let (fake, [a, b]) = caches_with(policy().negative_ttl(MINUTE)).await;
    let none = |_| async { Ok::<Option<u64>, Infallible>(None) };
    assert_eq!(a.get_or_load_optional("k", none).await.unwrap(), None);
    fake.settle().await;
    assert_eq!(value(&b, "k").await, None);
    assert!(is_everywhere(a.insert("k".into(), 1).await));
    fake.settle().await;
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(1), Some(1))
    );
}

/// D1
#[tokio::test(start_paused = true)]
async fn what_is_stale_for_one_is_stale_for_all_and_refreshed_once() {
    let policy = Policy::ttl(Duration::from_secs(10)).stale_while_revalidate(MINUTE);
    let (fake, [a, b]) = caches_with(policy).await;
    load(&fake, &a, "k", 1).await;
    fake.pass(11_000).await;
    assert_eq!(
        b.get_or_load("k", ready(2)).await.unwrap(),
        1,
        "the stale value, at once"
    );
    fake.settle().await;
    assert_eq!(a.get_or_load("k", ready(3)).await.unwrap(), 2);
    assert_eq!((a.stats().loads, b.stats().loads), (1, 1));
}

/// D3
#[tokio::test(start_paused = true)]
async fn a_refresh_takes_the_newer_value_that_another_has_stored() {
    let policy = Policy::ttl(Duration::from_secs(10)).stale_while_revalidate(MINUTE);
    let (fake, [a, b]) = caches_with(policy).await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(1), Some(1))
    );
    fake.pass(11_000).await;
    assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 1);
    // b has not heard of it yet.
    fake.hold_answers(1, super::fake::way::Wire::Tracker);
    fake.settle().await;
    assert_eq!(b.get_or_load("k", ready(3)).await.unwrap(), 1);
    fake.settle().await;
    assert_eq!(b.stats().loads, 0, "the refresh found a's value");
    fake.release_answers(1, super::fake::way::Wire::Tracker)
        .await;
    assert_eq!(value(&b, "k").await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn foreign_bytes_under_a_key_are_a_miss_and_give_way() {
    let (fake, [a, b]) = caches().await;
    for bytes in [
        &b"not ours"[..],
        b"",
        b"LdR\x01\0\0\0\0\0\0\0\0 and then nonsense",
        &[0; 200],
    ] {
        fake.put_foreign("users", "k", Some(bytes));
        fake.settle().await;
        assert_eq!(value(&a, "k").await, None, "{bytes:?}");
        assert_eq!(a.get_or_load("k", ready(1)).await.unwrap(), 1);
        fake.settle().await;
        assert!(is_everywhere(a.insert("k".into(), 2).await));
        fake.settle().await;
        assert_eq!(value(&b, "k").await, Some(2), "{bytes:?}");
    }
}

/// J11
#[tokio::test(start_paused = true)]
async fn a_full_server_keeps_memory_and_invalidations_going() {
    let (fake, [a, b]) = caches().await;
    fake.net().server.is_full = true;
    load(&fake, &a, "k", 1).await;
    fake.pass(10_000).await;
    assert_eq!(a.peek("k"), Some(1), "memory keeps it beyond X");
    assert!(is_everywhere(b.invalidate("k").await));
    fake.settle().await;
    assert_eq!(value(&a, "k").await, None);
    assert!(is_everywhere(b.insert("k".into(), 2).await));
    fake.settle().await;
    assert_eq!(
        value(&b, "k").await,
        None,
        "what only memory had is not known to stand"
    );
}

#[tokio::test(start_paused = true)]
async fn a_value_too_large_for_the_store_is_kept_in_memory_until_it_is_invalidated() {
    let (fake, [a, b]) = caches().await;
    fake.net().server.largest = Some(10);
    load(&fake, &a, "k", 1).await;
    fake.pass(10_000).await;
    assert_eq!(a.peek("k"), Some(1));
    assert_eq!(value(&b, "k").await, None);
    assert!(is_everywhere(b.invalidate("k").await));
    fake.settle().await;
    assert_eq!(a.peek("k"), None);
}

/// G13
#[tokio::test(start_paused = true)]
async fn programs_with_another_layout_read_their_own_entries_only_and_hear_of_all_invalidations() {
    let fake = Fake::new();
    let old = cache_on(&fake, policy());
    let new = Cache::<String, u64>::builder("users")
        .policy(policy())
        .clock(fake.clock())
        .schema(1)
        .remote(Sharing::over(fake.seat()))
        .build()
        .unwrap();
    fake.pass(10).await;
    load(&fake, &old, "k", 1).await;
    assert_eq!(value(&old, "k").await, Some(1));
    assert_eq!(value(&new, "k").await, None);
    assert_eq!(new.get_or_load("k", ready(2)).await.unwrap(), 2);
    fake.settle().await;
    assert_eq!(
        value(&new, "k").await,
        Some(2),
        "the newer layout's entry takes the place"
    );
    assert_eq!(old.get_or_load("k", ready(3)).await.unwrap(), 3);
    fake.pass(100).await;
    assert_eq!(old.peek("k"), Some(3), "kept for a moment");
    assert_eq!(value(&new, "k").await, Some(2), "and does not replace it");
    fake.pass(1_000).await;
    assert_eq!(old.peek("k"), None);
    assert!(is_everywhere(old.invalidate("k").await));
    fake.settle().await;
    assert_eq!(value(&new, "k").await, None, "an invalidation reaches both");
}

#[tokio::test(start_paused = true)]
async fn a_value_of_another_lookup_version_is_not_served() {
    let (fake, [a, b]) = caches().await;
    assert_eq!(a.get_or_load_at("k", 1, ready(1)).await.unwrap(), 1);
    fake.settle().await;
    assert_eq!(b.get_or_load_at("k", 1, ready(9)).await.unwrap(), 1);
    assert_eq!(b.get_or_load_at("k", 2, ready(2)).await.unwrap(), 2);
    fake.settle().await;
    assert_eq!(a.get_or_load_at("k", 2, ready(9)).await.unwrap(), 2);
    assert_eq!((a.stats().loads, b.stats().loads), (1, 1));
}

/// I10
#[tokio::test(start_paused = true)]
async fn a_value_that_was_not_modified_is_fresh_again_for_all() {
    let (fake, [a, b]) =
        caches_with(Policy::ttl(Duration::from_secs(10)).stale_if_error(MINUTE)).await;
    let tagged = |_| async { Ok::<_, Infallible>(Loaded::from(1).etag("one")) };
    assert_eq!(a.get_or_load("k", tagged).await.unwrap(), 1);
    fake.pass(11_000).await;
    let same = |cx: larder::LoadCx<String, u64>| async move {
        assert_eq!(cx.etag(), Some("one"));
        Ok::<_, Infallible>(Loaded::not_modified())
    };
    assert_eq!(b.get_or_load("k", same).await.unwrap(), 1);
    fake.settle().await;
    assert_eq!(value(&a, "k").await, Some(1));
    assert_eq!((a.stats().loads, b.stats().loads), (1, 1));
}
