//! Many keys that are read in one trip.

use larder::{Cache, Entry, Policy, Source};

use super::super::{held_load, reading, ready};
use super::fake::Fake;
use super::fake::way::Wire;
use super::{Users, X, cache_with, caches, is_everywhere, load, policy, seen, value};

fn names(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("k{number}")).collect()
}

async fn values(cache: &Users, names: &[String]) -> Vec<Option<u64>> {
    let found = cache.get_many(names).await.unwrap();
    let value = |entry: Option<Entry<u64>>| entry.map(|entry| entry.value);
    found.into_iter().map(value).collect()
}

/// Two caches; the second has stored a value for each of the names.
async fn filled(count: u64) -> (Fake, Users, Users, Vec<String>) {
    let (fake, [a, b]) = caches().await;
    let names = names(count);
    for (number, name) in (0..).zip(&names) {
        load(&fake, &b, name, number).await;
    }
    (fake, a, b, names)
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_read_in_trips_of_a_hundred_and_held_ones_by_their_headers() {
    let (fake, a, _b, names) = filled(150).await;
    let mut asked = names.clone();
    asked.extend(["none".to_owned(), names[0].clone()]);
    let before = fake.calls();
    let found = values(&a, &asked).await;
    let mut expected: Vec<_> = (0..150).map(Some).collect();
    expected.extend([None, Some(0)]);
    assert_eq!(found, expected);
    let calls = fake.calls();
    assert_eq!(calls.readings_of_many, before.readings_of_many + 2);
    assert_eq!(calls.reads, before.reads);
    assert_eq!(values(&a, &names).await, expected[..150]);
    assert_eq!(fake.calls(), calls, "memory has them");
    assert_eq!(seen(&a, "k7").await, Some((7, Source::Memory)));

    fake.lose(0);
    fake.pass(500).await;
    let revalidated = || a.stats().remote.unwrap().revalidated;
    let before = (revalidated(), fake.calls().readings_of_many);
    assert_eq!(values(&a, &names).await, expected[..150]);
    let after = (revalidated(), fake.calls().readings_of_many);
    assert_eq!(after, (before.0 + 150, before.1 + 2));
}

#[tokio::test(start_paused = true)]
async fn readings_that_are_under_way_are_joined_by_those_of_many_keys_and_the_other_way_round() {
    let (fake, a, _b, names) = filled(3).await;
    let before = fake.calls();
    fake.hold_answers(0, Wire::Data);
    let many = |from: usize| {
        let (cache, names) = (a.clone(), names[from..].to_vec());
        tokio::spawn(async move { values(&cache, &names).await })
    };
    let one = reading(&a, "k2", ready(9));
    fake.settle().await;
    let (all, last) = (many(0), many(1));
    fake.settle().await;
    let late = reading(&a, "k0", ready(9));
    fake.settle().await;
    fake.release_answers(0, Wire::Data).await;
    assert_eq!(all.await.unwrap(), [Some(0), Some(1), Some(2)]);
    assert_eq!(last.await.unwrap(), [Some(1), Some(2)]);
    assert_eq!(
        (one.await.unwrap().unwrap(), late.await.unwrap().unwrap()),
        (2, 0)
    );
    let calls = fake.calls();
    let trips = (calls.reads, calls.readings_of_many);
    assert_eq!(trips, (before.reads + 1, before.readings_of_many + 1));
}

/// C7, of many: what another changes while the answer is on its way.
#[tokio::test(start_paused = true)]
async fn what_was_changed_during_the_trip_is_not_kept() {
    let (fake, a, b, names) = filled(3).await;
    fake.hold_answers(0, Wire::Data);
    let (cache, asked) = (a.clone(), names.clone());
    let many = tokio::spawn(async move { values(&cache, &asked).await });
    fake.settle().await;
    assert!(is_everywhere(b.insert("k1".into(), 10).await));
    assert!(is_everywhere(b.invalidate("k2").await));
    fake.settle().await;
    fake.release_answers(0, Wire::Data).await;
    many.await.unwrap();
    assert_eq!(
        (a.peek("k0"), a.peek("k1"), a.peek("k2")),
        (Some(0), None, None)
    );
    assert_eq!(values(&a, &names).await, [Some(0), Some(10), None]);
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_in_an_epoch_that_is_over_is_not_served() {
    let (fake, a, b, names) = filled(2).await;
    fake.hold_answers(0, Wire::Data);
    let (cache, asked) = (a.clone(), names.clone());
    let many = tokio::spawn(async move { values(&cache, &asked).await });
    fake.settle().await;
    fake.lose(0);
    assert!(is_everywhere(b.invalidate("k0").await));
    fake.release_answers(0, Wire::Data).await;
    assert_eq!(many.await.unwrap(), [None, None]);
    fake.pass(500).await;
    assert_eq!(values(&a, &names).await, [None, Some(1)]);
}

/// G1
#[tokio::test(start_paused = true)]
async fn each_of_many_entries_is_held_against_the_log() {
    let (fake, [a, b]) = caches().await;
    for (key, tag) in [("k0", "red"), ("k1", "blue"), ("k2", "red")] {
        assert!(is_everywhere(b.entry(key).tags([tag]).insert(1).await));
    }
    fake.settle().await;
    fake.hold_answers(0, Wire::Tracker);
    assert!(is_everywhere(b.invalidate_tag("red").await));
    assert!(is_everywhere(b.entry("k2").tags(["blue"]).insert(2).await));
    // `k2` is stamped with a number of the log that is not known here: so the log is read.
    assert_eq!(values(&a, &names(3)).await, [None, Some(1), Some(2)]);
    assert!(is_everywhere(b.clear().await));
    assert!(is_everywhere(b.insert("k2".into(), 3).await));
    fake.release_answers(0, Wire::Tracker).await;
    assert_eq!(values(&a, &names(3)).await, [None, None, Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_link_many_keys_cost_no_trip_and_are_answered_as_one_is() {
    let (fake, a, _b, names) = filled(2).await;
    assert_eq!(values(&a, &names).await, [Some(0), Some(1)]);
    let fails = cache_with(&fake, policy(), |sharing| {
        sharing.cut_off(larder::CutOff::Error)
    });
    fake.pass(10).await;
    let stale = larder::CutOff::Stale(super::super::MINUTE);
    let serves = cache_with(&fake, policy(), |sharing| sharing.cut_off(stale));
    fake.pass(10).await;
    assert_eq!(values(&serves, &names).await, [Some(0), Some(1)]);
    for node in 0..4 {
        fake.cut_off(node);
    }
    let before = fake.calls();
    assert_eq!(values(&a, &names).await, [None, None]);
    let failed = fails.get_many(&names).await;
    assert!(matches!(failed, Err(larder::Error::CutOff)));
    let load = |_| std::future::ready(Ok::<[(String, u64); 0], String>([]));
    let failed = fails.get_or_load_many(names.clone(), load).await;
    assert!(matches!(failed, Err(larder::Error::CutOff)));
    assert_eq!(values(&serves, &names).await, [Some(0), Some(1)]);
    assert_eq!(fake.calls(), before);
    fake.pass(X).await;
}

/// A value whose encoding panics gives its lease back at once.
#[tokio::test(start_paused = true)]
async fn a_value_that_panics_when_it_is_encoded_is_kept_here_and_leaves_no_lease() {
    #[derive(Clone, serde::Deserialize)]
    struct Odd;
    impl serde::Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("as it was told")
        }
    }
    let fake = Fake::new();
    let cache = Cache::<String, Odd>::builder("users")
        .policy(Policy::ttl(super::super::MINUTE))
        .clock(fake.clock())
        .remote(fake.seat())
        .build()
        .unwrap();
    fake.pass(10).await;
    let load = |_| async { Ok::<_, String>(Odd) };
    assert!(cache.get_or_load("k", load).await.is_ok());
    fake.settle().await;
    assert!(!fake.net().server.is_leased("users", "k"));
    assert_eq!(cache.stats().remote.unwrap().refused, 1);
    cache.insert("k".into(), Odd).await.unwrap();
    assert!(!fake.net().server.is_leased("users", "k"));
    assert_eq!(cache.stats().remote.unwrap().refused, 2);
}

/// Inserts are counted with what loads store.
#[tokio::test(start_paused = true)]
async fn what_inserts_store_is_counted_with_what_loads_store() {
    let (fake, [a, b]) = caches().await;
    assert!(is_everywhere(a.insert("k".into(), 1).await));
    fake.hold_answers(0, Wire::Data);
    let cache = a.clone();
    let insert = tokio::spawn(async move { cache.insert("k".into(), 2).await });
    fake.settle().await;
    assert!(is_everywhere(b.insert("k".into(), 3).await));
    fake.release_answers(0, Wire::Data).await;
    insert.await.unwrap().unwrap();
    let figures = a.stats().remote.unwrap();
    assert_eq!((figures.fills, figures.overtaken), (1, 1));
    assert_eq!(value(&a, "k").await, Some(3));
    let (held, load) = held_load();
    let loading = reading(&a, "other", load);
    held.begun().await.release(1);
    loading.await.unwrap().unwrap();
    assert_eq!(a.stats().remote.unwrap().fills, 2);
}
