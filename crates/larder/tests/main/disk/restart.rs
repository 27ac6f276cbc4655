//! What comes back after a restart, and what does not.

use std::time::Duration;

use larder::{BuildError, Cache, Codec, Disk, Loaded, Policy, Source};
use serde::{Deserialize, Serialize};

use super::super::{MINUTE, held_load, reading, ready};
use super::{Machine, disk_stats, machine};

/// H1
#[tokio::test]
async fn a_loaded_value_comes_back_with_what_is_left_of_its_time() {
    let machine = machine();
    let cache = machine.start();
    let loaded = cache.entry("k").or_load(ready(1)).await.unwrap();
    machine.clock.advance(MINUTE / 2);
    let cache = machine.restart(cache).await;

    let entry = cache.get("k").await.unwrap().unwrap();
    assert_eq!((entry.value, entry.source), (1, Source::Disk));
    assert_eq!((entry.version, entry.age), (loaded.version, MINUTE / 2));
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 1);
    machine.clock.advance(MINUTE / 2);
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
}

/// H1
#[tokio::test]
async fn a_wall_clock_that_was_set_back_gives_no_value_a_longer_life() {
    let machine = machine();
    let cache = machine.start();
    cache.insert("k".into(), 1).await.unwrap();
    let wall = machine.clock.clock().wall();
    machine.clock.set_wall(wall - Duration::from_hours(10));
    let cache = machine.restart(cache).await;
    assert!(cache.get("k").await.unwrap().is_some());
    machine.clock.advance(MINUTE);
    assert!(cache.get("k").await.unwrap().is_none());
}

/// H2, C8
#[tokio::test]
async fn nothing_that_was_invalidated_comes_back() {
    let machine = machine();
    for how in 0..6 {
        let cache = machine.start();
        cache
            .entry("user:7")
            .tags(["t", "u"])
            .insert(1)
            .await
            .unwrap();
        cache.insert("other".into(), 5).await.unwrap();
        match how {
            0 => cache.invalidate("user:7").await,
            1 => cache.invalidate_tag("t").await,
            2 => cache.invalidate_prefix("user:").await,
            3 => cache.invalidate_matching("u*7").await,
            4 => cache.invalidate_all_tags(["t", "u"]).await,
            _ => cache.clear().await,
        }
        .unwrap();
        let cache = machine.restart(cache).await;
        assert!(cache.get("user:7").await.unwrap().is_none(), "case {how}");
        let other = cache.get("other").await.unwrap().map(|entry| entry.value);
        assert_eq!(other, (how < 5).then_some(5), "case {how}");
        cache.insert("user:7".into(), 2).await.unwrap();
        let cache = machine.restart(cache).await;
        let entry = cache.get("user:7").await.unwrap().unwrap();
        assert_eq!(entry.value, 2, "what came after it is served");
    }
}

/// H2
#[tokio::test]
async fn an_insert_that_has_returned_is_what_comes_back() {
    let machine = machine();
    let cache = machine.start();
    cache.insert("k".into(), 1).await.unwrap();
    cache.insert("k".into(), 2).await.unwrap();
    drop(cache);
    let cache = machine.start();
    assert_eq!(cache.get("k").await.unwrap().unwrap().value, 2);
}

/// G5, G3
#[tokio::test]
async fn a_tag_that_was_invalidated_in_an_earlier_life_still_hides_what_has_it() {
    let machine = machine();
    let cache = machine.start();
    cache.entry("a").tags(["t"]).insert(1).await.unwrap();
    cache.entry("b").tags(["u"]).insert(2).await.unwrap();
    cache.invalidate_tag("t").await.unwrap();
    let cache = machine.restart(cache).await;
    let cache = machine.restart(cache).await;
    assert!(cache.get("a").await.unwrap().is_none());
    assert_eq!(cache.get("b").await.unwrap().unwrap().value, 2);
    cache.invalidate_tag("u").await.unwrap();
    assert!(cache.get("b").await.unwrap().is_none());
}

/// G4
#[tokio::test]
async fn a_tag_that_a_rewrite_has_dropped_does_not_hide_it_after_a_restart() {
    let machine = machine();
    let cache = machine.start();
    cache.entry("a").tags(["old"]).insert(1).await.unwrap();
    cache.entry("a").tags(["new"]).insert(2).await.unwrap();
    let cache = machine.restart(cache).await;
    cache.invalidate_tag("old").await.unwrap();
    assert_eq!(cache.get("a").await.unwrap().unwrap().value, 2);
    cache.invalidate_tag("new").await.unwrap();
    assert!(cache.get("a").await.unwrap().is_none());
}

/// G7, J9
#[tokio::test]
async fn items_that_the_log_has_forgotten_hide_values_after_a_restart_too() {
    let machine = Machine::new(Policy::forever());
    let cache = machine.start();
    cache.insert("p0 a".into(), 1).await.unwrap();
    for number in 0..70 {
        cache
            .invalidate_prefix(&format!("p{number} "))
            .await
            .unwrap();
    }
    cache.insert("p69 b".into(), 2).await.unwrap();
    let cache = machine.restart(cache).await;
    assert!(cache.get("p0 a").await.unwrap().is_none());
    assert_eq!(cache.get("p69 b").await.unwrap().unwrap().value, 2);
}

/// G12
#[tokio::test]
async fn a_bumped_version_holds_after_a_restart_and_refuses_what_comes_late() {
    let machine = machine();
    let cache = machine.start();
    cache.insert("old".into(), 1).await.unwrap();
    let (held, load) = held_load();
    let late = reading(&cache, "late", load);
    let held = held.begun().await;
    let version = cache.bump_version().await.unwrap();
    held.release(2);
    assert_eq!(late.await.unwrap().unwrap(), 2);
    let cache = machine.restart(cache).await;
    assert_eq!(cache.namespace_version(), version);
    assert!(cache.get("old").await.unwrap().is_none());
    assert!(cache.get("late").await.unwrap().is_none());
    assert!(cache.bump_version().await.unwrap() > version);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    name: String,
}

fn users<V>(machine: &Machine, schema: u64, codec: Codec) -> Cache<String, V>
where
    V: Clone + Send + Sync + Serialize + serde::de::DeserializeOwned + 'static,
{
    let disk = Disk::at(machine.path()).codec(codec);
    Cache::builder("users")
        .disk(disk)
        .schema(schema)
        .build()
        .unwrap()
}

/// G13
#[tokio::test]
async fn another_schema_finds_none_of_the_values_and_fails_nowhere() {
    let machine = machine();
    let ada = || Named { name: "Ada".into() };
    let before: Cache<String, Named> = users(&machine, 1, Codec::MessagePack);
    before.insert("k".into(), ada()).await.unwrap();
    drop(before);
    let postcard: Cache<String, Named> = users(&machine, 1, Codec::Postcard);
    assert_eq!(
        postcard.get("k").await.unwrap().unwrap().value,
        ada(),
        "the codec is the value's"
    );
    drop(postcard);
    let after: Cache<String, u64> = users(&machine, 2, Codec::MessagePack);
    assert!(after.get("k").await.unwrap().is_none());
    assert_eq!(after.stats().disk.unwrap().entries, 0);
}

/// G13
#[tokio::test]
async fn a_value_that_does_not_decode_is_a_miss_that_is_counted() {
    let machine = machine();
    let before: Cache<String, Named> = users(&machine, 1, Codec::MessagePack);
    before
        .insert("k".into(), Named { name: "Ada".into() })
        .await
        .unwrap();
    drop(before);
    let after: Cache<String, u64> = users(&machine, 1, Codec::MessagePack);
    assert_eq!(
        after
            .get_or_load("k", |_| async { Ok::<_, std::fmt::Error>(7) })
            .await
            .unwrap(),
        7
    );
    assert_eq!(after.stats().disk.unwrap().undecodable, 1);
}

/// D11
#[tokio::test]
async fn a_values_own_time_to_live_is_that_on_disk_too() {
    let machine = machine();
    let cache = machine.start();
    let long = |_| async { Ok::<_, std::fmt::Error>(Loaded::from(1).ttl(MINUTE * 60)) };
    cache.get_or_load("long", long).await.unwrap();
    cache
        .entry("short")
        .ttl(MINUTE / 4)
        .insert(2)
        .await
        .unwrap();
    machine.clock.advance(MINUTE / 2);
    let cache = machine.restart(cache).await;
    assert!(cache.get("short").await.unwrap().is_none());
    assert_eq!(
        cache.get("long").await.unwrap().unwrap().source,
        Source::Disk
    );
    machine.clock.advance(MINUTE * 59);
    let entry = cache.get("long").await.unwrap().unwrap();
    assert_eq!((entry.value, entry.source), (1, Source::Memory));
    machine.clock.advance(MINUTE);
    assert!(cache.get("long").await.unwrap().is_none());
}

#[tokio::test]
async fn that_a_key_has_no_value_is_known_after_a_restart() {
    let machine = Machine::new(Policy::ttl(MINUTE).negative_ttl(MINUTE));
    let cache = machine.start();
    let none = |_| async { Ok::<_, std::fmt::Error>(None::<u64>) };
    assert_eq!(cache.get_or_load_optional("k", none).await.unwrap(), None);
    let cache = machine.restart(cache).await;
    let loads = cache.get_or_load_optional("k", ready(1)).await.unwrap();
    assert_eq!((loads, cache.stats().loads), (None, 0));
    machine.clock.advance(MINUTE);
    assert_eq!(
        cache.get_or_load_optional("k", ready(1)).await.unwrap(),
        Some(1)
    );
}

#[tokio::test]
async fn a_second_cache_on_the_same_file_is_refused_and_told_why() {
    let machine = machine();
    let first = machine.start();
    let second = Cache::<String, u64>::builder("test")
        .disk(Disk::at(machine.path()))
        .build();
    let Err(BuildError::Disk { path, reason, .. }) = second else {
        panic!("it was built");
    };
    assert!(
        path.ends_with("test.redb") && reason.contains("holds it"),
        "{path}: {reason}"
    );
    drop(first);
}

/// H3
#[tokio::test]
async fn a_file_of_noise_is_put_aside_and_the_cache_starts_empty() {
    let machine = machine();
    std::fs::write(machine.path().join("test.redb"), vec![7; 10_000]).unwrap();
    let cache = machine.start();
    assert!(cache.get("k").await.unwrap().is_none());
    cache.insert("k".into(), 1).await.unwrap();
    assert_eq!(disk_stats(&cache).entries, 1);
    assert!(machine.path().join("test.redb.bad-1").exists());
}
