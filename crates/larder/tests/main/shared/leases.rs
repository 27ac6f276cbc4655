//! One load of a key among all processes.

use std::convert::Infallible;
use std::time::Duration;

use larder::{Applied, Policy, Source};

use super::super::{MINUTE, held_load, reading, ready};
use super::fake::way::Wire;
use super::{X, caches, caches_with, is_everywhere, load, policy, value};

/// B8
#[tokio::test(start_paused = true)]
async fn five_processes_that_miss_together_load_once() {
    let (fake, caches) = caches::<5>().await;
    let (held, load) = held_load();
    let first = reading(&caches[0], "k", load);
    let held = held.begun().await;
    let others: Vec<_> = caches[1..]
        .iter()
        .map(|cache| reading(cache, "k", ready(9)))
        .collect();
    fake.pass(500).await;
    held.release(1);
    fake.pass(200).await;
    for get in others.into_iter().chain([first]) {
        assert_eq!(get.await.unwrap().unwrap(), 1);
    }
    let loads: u64 = caches.iter().map(|cache| cache.stats().loads).sum();
    assert_eq!(loads, 1);
    for cache in &caches {
        assert_eq!(value(cache, "k").await, Some(1));
    }
}

/// B9
#[tokio::test(start_paused = true)]
async fn when_the_holder_of_a_lease_dies_another_loads_after_it_has_run_out() {
    let policy = policy().hard_timeout(Duration::from_secs(5));
    let (fake, [a, b]) = caches_with(policy).await;
    let (held, load) = held_load();
    let dying = reading(&a, "k", load);
    let _held = held.begun().await;
    fake.pass(2 * X + 500).await;
    fake.cut_off(0);
    let other = reading(&b, "k", ready(2));
    fake.pass(2 * X).await;
    assert!(!other.is_finished(), "the lease lasts for three times X");
    fake.pass(X).await;
    assert_eq!(other.await.unwrap().unwrap(), 2);
    assert!(dying.await.unwrap().is_err());
    fake.settle().await;
    assert_eq!(value(&b, "k").await, Some(2));
}

/// B9
#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_for_as_long_as_its_load_s_callers_wait() {
    let policy = policy().hard_timeout(Duration::from_secs(20));
    let (fake, [a, b]) = caches_with(policy).await;
    let (held, load) = held_load();
    let slow = reading(&a, "k", load);
    let held = held.begun().await;
    fake.pass(10_500).await;
    let other = reading(&b, "k", ready(2));
    fake.pass(5_000).await;
    assert!(!other.is_finished());
    assert_eq!(fake.calls().renewals, 15);
    held.release(1);
    fake.pass(200).await;
    assert_eq!(
        (slow.await.unwrap().unwrap(), other.await.unwrap().unwrap()),
        (1, 1)
    );
    fake.pass(5_000).await;
    assert_eq!(fake.calls().renewals, 15);

    let (held, load) = held_load();
    let _endless = reading(&a, "another", load);
    let _held = held.begun().await;
    fake.pass(20_500).await;
    assert!(fake.net().server.is_leased("users", "another"));
    fake.pass(1_000).await;
    assert!(!fake.net().server.is_leased("users", "another"));
    let renewals = fake.calls().renewals;
    fake.pass(10_000).await;
    assert_eq!(fake.calls().renewals, renewals);
}

/// B9
#[tokio::test(start_paused = true)]
async fn a_holder_whose_lease_has_run_out_stores_nothing() {
    let policy = policy().hard_timeout(Duration::from_secs(5));
    let (fake, [a, b]) = caches_with(policy).await;
    let (held, load) = held_load();
    let slow = reading(&a, "k", load);
    let held = held.begun().await;
    fake.pass(7_000).await;
    assert_eq!(b.get_or_load("k", ready(2)).await.unwrap(), 2);
    held.release(1);
    fake.settle().await;
    assert!(slow.await.unwrap().is_err());
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(2), Some(2))
    );
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_gives_its_lease_back() {
    let (fake, [a, b]) = caches().await;
    let failing = |_| async { Err::<u64, _>(std::io::Error::other("the database is down")) };
    assert!(a.get_or_load("k", failing).await.is_err());
    fake.settle().await;
    assert!(!fake.net().server.is_leased("users", "k"));
    assert_eq!(b.get_or_load("k", ready(1)).await.unwrap(), 1);
    let panicking = |_| async {
        let told: Result<u64, Infallible> = Ok(0);
        assert!(told.is_err(), "as it was told");
        told
    };
    let panicked = a.get_or_load("other", panicking).await;
    assert!(matches!(panicked, Err(larder::Error::LoadPanicked)));
    fake.settle().await;
    assert!(!fake.net().server.is_leased("users", "other"));
}

#[tokio::test(start_paused = true)]
async fn a_load_of_another_lookup_version_is_not_waited_for() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let cache = a.clone();
    let one = tokio::spawn(async move { cache.get_or_load_at("k", 1, load).await });
    let held = held.begun().await;
    assert_eq!(b.get_or_load_at("k", 2, ready(2)).await.unwrap(), 2);
    held.release(1);
    assert_eq!(one.await.unwrap().unwrap(), 1);
    fake.settle().await;
    assert_eq!(
        a.get_or_load_at("k", 1, ready(9)).await.unwrap(),
        1,
        "stored by its holder"
    );
}

/// F1 of the protocol's findings on fences, of another process's invalidation.
#[tokio::test(start_paused = true)]
async fn a_fenced_insert_is_fenced_off_by_what_another_invalidated_since() {
    let (fake, [a, b]) = caches().await;
    let fence = a.fence();
    assert!(is_everywhere(b.invalidate("k").await));
    assert_eq!(
        a.entry("k").fenced_by(fence).insert(1).await.unwrap(),
        Applied::Fenced
    );
    fake.settle().await;
    assert_eq!(value(&b, "k").await, None);
    let fence = a.fence();
    assert!(is_everywhere(a.entry("k").fenced_by(fence).insert(2).await));
    assert_eq!(value(&b, "k").await, Some(2));
}

/// F2: the news of the invalidation is on its way while the insert is made.
#[tokio::test(start_paused = true)]
async fn a_fenced_insert_waits_for_the_news_of_what_came_before_it() {
    let (fake, [a, b]) = caches().await;
    let fence = a.fence();
    fake.hold_answers(0, Wire::Tracker);
    assert!(is_everywhere(b.invalidate("k").await));
    let cache = a.clone();
    let insert =
        tokio::spawn(async move { cache.entry("k").fenced_by(fence).insert(1).await.unwrap() });
    fake.settle().await;
    assert!(!insert.is_finished());
    fake.release_answers(0, Wire::Tracker).await;
    assert_eq!(insert.await.unwrap(), Applied::Fenced);
    assert_eq!(value(&b, "k").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_fenced_insert_is_fenced_off_by_tags_that_another_invalidated_since() {
    let (fake, [a, b]) = caches().await;
    let fence = a.fence();
    assert!(is_everywhere(b.invalidate_tag("t").await));
    let insert = a.entry("k").tags(["t"]).fenced_by(fence).insert(1).await;
    assert_eq!(insert.unwrap(), Applied::Fenced);
    let insert = a
        .entry("k")
        .tags(["another"])
        .fenced_by(fence)
        .insert(1)
        .await;
    assert!(is_everywhere(insert));
    fake.settle().await;
    assert_eq!(value(&b, "k").await, Some(1));
}

/// A fence that was taken while there was no link knows nothing of what others did until there was one.
#[tokio::test(start_paused = true)]
async fn a_fence_from_before_the_link_stood_is_void() {
    let (fake, [a, b]) = caches().await;
    fake.cut_off(0);
    let fence = a.fence();
    assert!(is_everywhere(b.invalidate("k").await));
    fake.heal(0).await;
    assert_eq!(
        a.entry("k").fenced_by(fence).insert(1).await.unwrap(),
        Applied::Fenced
    );
    assert_eq!(value(&b, "k").await, None);
}

/// An insert whose second step comes after an invalidation of many does not survive it.
#[tokio::test(start_paused = true)]
async fn an_insert_in_two_steps_is_as_old_as_its_first() {
    let (fake, [a, b]) = caches().await;
    fake.answer_after(100);
    let cache = a.clone();
    let insert = tokio::spawn(async move { cache.insert("k".into(), 1).await.unwrap() });
    fake.settle().await;
    let calls = fake.calls();
    assert_eq!(
        calls.invalidations, 1,
        "the first step is done, its answer on its way"
    );
    fake.answer_after(0);
    assert!(is_everywhere(b.clear().await));
    fake.pass(200).await;
    insert.await.unwrap();
    fake.pass(X + 1).await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
}

/// An insert's second step does not go to a server that has forgotten what came after its first.
#[tokio::test(start_paused = true)]
async fn an_insert_does_not_go_on_with_another_life_of_the_server() {
    let (fake, [a, b]) = caches().await;
    fake.hold_answers(0, Wire::Data);
    let cache = a.clone();
    let insert = tokio::spawn(async move { cache.insert("k".into(), 1).await.unwrap() });
    fake.settle().await;
    fake.net().server.dump();
    assert!(is_everywhere(b.insert("k".into(), 2).await));
    fake.restart();
    fake.pass(X + 500).await;
    assert_eq!(insert.await.unwrap(), Applied::Here);
    fake.pass(X).await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
}

/// A refresh that another's storing overtakes does not put the older value back.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_an_insert_overtakes_stores_nothing() {
    let policy = Policy::ttl(Duration::from_secs(10)).stale_while_revalidate(MINUTE);
    let (fake, [a, b]) = caches_with(policy).await;
    load(&fake, &a, "k", 1).await;
    fake.pass(11_000).await;
    let (held, refresh) = held_load();
    assert_eq!(a.get_or_load("k", refresh).await.unwrap(), 1);
    let held = held.begun().await;
    assert!(is_everywhere(b.insert("k".into(), 2).await));
    held.release(9);
    fake.settle().await;
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(2), Some(2))
    );
    let entry = a.get("k").await.unwrap().unwrap();
    assert_eq!(entry.source, Source::Memory);
}
