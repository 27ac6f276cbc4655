//! What is invalid is taken out of the store, and nothing else.

use std::time::Duration;

use larder::{Error, Reclaimed, Source};

use super::super::{held_load, ready};
use super::fake::Fake;
use super::fake::way::Wire;
use super::{Users, X, cache_with, caches, is_everywhere, load, policy, seen, value};

const FAST: u32 = 1_000_000;

async fn tagged(cache: &Users, key: &str, tag: &'static str, value: u64) {
    assert!(is_everywhere(
        cache.entry(key).tags([tag]).insert(value).await
    ));
}

fn stands(fake: &Fake, key: &str) -> bool {
    fake.net().server.bytes_of("users", key).is_some()
}

async fn reclaim(fake: &Fake, cache: &Users) -> Reclaimed {
    let reclaiming = cache.reclaim(FAST).unwrap();
    fake.pass(100).await;
    assert!(reclaiming.is_done());
    reclaiming.done().await.unwrap()
}

/// G11
#[tokio::test(start_paused = true)]
async fn what_invalidations_of_many_have_made_invalid_is_taken_out_and_nothing_else() {
    let (fake, [a, b]) = caches().await;
    for (key, tag) in [
        ("eu:1", "red"),
        ("us:1", "red"),
        ("us:2", "blue"),
        ("us:33", "blue"),
    ] {
        tagged(&b, key, tag, 1).await;
    }
    fake.settle().await;
    let keys = ["eu:1", "us:1", "us:2", "us:33"];
    b.get_many(keys).await.unwrap();
    let none = reclaim(&fake, &a).await;
    assert_eq!((none.scanned, none.entries, none.bytes), (4, 0, 0));
    assert!(is_everywhere(a.invalidate_prefix("eu:").await));
    assert!(is_everywhere(a.invalidate_tag("red").await));
    assert!(is_everywhere(a.invalidate_matching("us:??").await));
    assert!(is_everywhere(a.expire_tag("blue").await));
    for key in ["eu:1", "us:1", "us:33"] {
        assert_eq!(value(&a, key).await, None, "it was out of reach before");
        assert!(stands(&fake, key));
    }
    let reclaimed = reclaim(&fake, &a).await;
    assert_eq!((reclaimed.scanned, reclaimed.entries), (4, 3));
    assert!(reclaimed.bytes > 100);
    assert_eq!(
        keys.map(|key| stands(&fake, key)),
        [false, false, true, false]
    );
    assert_eq!(a.stats().remote.unwrap().reclaimed, 3);
    assert_eq!(reclaim(&fake, &b).await.entries, 0);
    assert!(is_everywhere(b.clear().await));
    assert_eq!(reclaim(&fake, &b).await.entries, 1);
}

/// G11
#[tokio::test(start_paused = true)]
async fn what_is_written_again_between_the_look_and_the_taking_out_stays() {
    // All of them are in the first step of a scan.
    const INSERTED: &str = "a3";
    const LOADED: &str = "a7";
    const INVALID: &str = "b2";
    let (fake, [a, b]) = caches().await;
    for key in [INSERTED, LOADED, INVALID] {
        tagged(&b, key, "t", 1).await;
    }
    assert!(is_everywhere(a.invalidate_tag("t").await));
    fake.settle().await;
    fake.hold_answers(0, Wire::Data);
    let reclaiming = a.reclaim(FAST).unwrap();
    fake.settle().await;
    assert_eq!(fake.calls().scans, 1, "its answer is on the way");
    tagged(&b, INSERTED, "t", 2).await;
    load(&fake, &b, LOADED, 3).await;
    fake.release_answers(0, Wire::Data).await;
    fake.pass(100).await;
    let reclaimed = reclaiming.done().await.unwrap();
    assert_eq!((reclaimed.scanned, reclaimed.entries), (3, 1));
    for cache in [&a, &b] {
        let values = (value(cache, INSERTED).await, value(cache, LOADED).await);
        assert_eq!(values, (Some(2), Some(3)));
    }
    assert!(!stands(&fake, INVALID));
}

/// G11: a lost log makes invalid what was stamped by it, and nothing that was stored since.
#[tokio::test(start_paused = true)]
async fn what_was_stored_under_a_log_that_is_not_known_yet_stays() {
    let (fake, [a, b]) = caches().await;
    tagged(&b, "old", "t", 1).await;
    fake.settle().await;
    fake.hold_answers(0, Wire::Tracker);
    fake.lose_log("users", true);
    fake.pass(X / 2).await;
    tagged(&b, "new", "t", 2).await;
    fake.settle().await;
    let reclaiming = a.reclaim(FAST).unwrap();
    fake.pass(100).await;
    assert_eq!(reclaiming.done().await.unwrap().entries, 1);
    assert!(stands(&fake, "new") && !stands(&fake, "old"));
    fake.release_answers(0, Wire::Tracker).await;
}

/// G11: who has a lease of an invalid entry's key counts on finding it.
#[tokio::test(start_paused = true)]
async fn an_entry_that_is_being_replaced_is_left_to_who_replaces_it() {
    let (fake, [a, b]) = caches().await;
    tagged(&b, "k", "t", 1).await;
    assert!(is_everywhere(a.invalidate_tag("t").await));
    fake.settle().await;
    let (held, slow) = held_load();
    let get = super::super::reading(&b, "k", slow);
    let held = held.begun().await;
    assert_eq!(reclaim(&fake, &a).await.entries, 0);
    held.release(2);
    assert_eq!(get.await.unwrap().unwrap(), 2);
    fake.settle().await;
    assert_eq!(seen(&a, "k").await, Some((2, Source::Remote)));
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_its_rate_and_stops_when_it_is_dropped() {
    let (fake, [a]) = caches().await;
    for number in 0..200 {
        tagged(&a, &format!("k{number}"), "t", 1).await;
    }
    assert!(is_everywhere(a.invalidate_tag("t").await));
    let reclaiming = a.reclaim(100).unwrap();
    fake.pass(300).await;
    let first = reclaiming.so_far();
    assert!(first.entries > 20 && first.entries < 100, "{first:?}");
    assert_eq!(fake.calls().scans, 1);
    fake.pass(1_000).await;
    assert!(reclaiming.so_far().entries <= 190);
    drop(reclaiming);
    fake.settle().await;
    let scans = fake.calls().scans;
    fake.pass(10_000).await;
    assert_eq!(fake.calls().scans, scans);
}

#[tokio::test(start_paused = true)]
async fn without_a_link_it_says_so() {
    let (fake, [a]) = caches().await;
    tagged(&a, "k", "t", 1).await;
    fake.cut_off(0);
    let cut_off = a.reclaim(FAST).unwrap().done().await;
    assert!(matches!(cut_off, Err(Error::CutOff)));
    let alone = super::super::cache().reclaim(1).unwrap().done().await;
    assert_eq!(alone.unwrap(), Reclaimed::default());
}

/// G11
#[tokio::test(start_paused = true)]
async fn in_the_background_it_follows_each_burst_of_invalidations_once() {
    let fake = Fake::new();
    let a = cache_with(&fake, policy(), |sharing| sharing.reclaim(1_000));
    fake.pass(10).await;
    for round in 1..3 {
        for key in ["1", "2", "3"] {
            tagged(&a, key, "t", 1).await;
        }
        for _ in 0..5 {
            assert!(is_everywhere(a.invalidate_tag("t").await));
        }
        if round == 2 {
            fake.cut_off(0);
            fake.pass(2 * X).await;
            assert!(stands(&fake, "1"));
            fake.heal(0).await;
        }
        fake.pass(3 * X).await;
        assert!(!stands(&fake, "1") && !stands(&fake, "2") && !stands(&fake, "3"));
        assert_eq!(a.stats().remote.unwrap().reclaimed, 3 * round);
    }
    assert_eq!(fake.calls().scans, 8, "four steps for each burst");
    let built = larder::Sharing::over(fake.seat()).reclaim(0);
    let built = larder::Cache::<u64, u64>::builder("other")
        .remote(built)
        .build();
    assert!(matches!(
        built,
        Err(larder::BuildError::Setting {
            setting: "reclaim",
            ..
        })
    ));
    assert_eq!(a.get_or_load("1", ready(2)).await.unwrap(), 2);
    fake.pass(Duration::from_secs(5).as_millis() as u64).await;
    assert!(stands(&fake, "1"));
}
