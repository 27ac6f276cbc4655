//! What is told of keys that only the disk knows.

use larder::{Cache, Disk, MissReason, Source};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::MINUTE;
use super::{Machine, disk_stats, machine};

fn explained<V>(machine: &Machine, capacity: u64) -> Cache<String, V>
where
    V: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
{
    Cache::builder("test")
        .max_capacity(capacity)
        .policy(machine.policy)
        .clock(machine.clock.clock())
        .disk(Disk::at(machine.path()))
        .explain(true)
        .build()
        .unwrap()
}

/// I6
#[tokio::test]
async fn a_key_that_only_the_disk_holds_is_told_and_not_counted() {
    let machine = machine();
    let cache = explained::<u64>(&machine, 0);
    cache
        .entry("a")
        .tags(["t"])
        .etag("v1")
        .insert(1)
        .await
        .unwrap();
    machine.clock.advance(MINUTE / 4);
    let explanation = cache.explain("a").await.unwrap();
    let held = explanation.held.unwrap();
    assert_eq!((held.source, held.age), (Source::Disk, MINUTE / 4));
    assert_eq!((held.remaining, held.weight), (Some(MINUTE * 3 / 4), 0));
    assert_eq!(
        (held.tags, held.etag.as_deref()),
        (vec!["t".to_owned()], Some("v1"))
    );
    let disk = disk_stats(&cache);
    assert_eq!((disk.hits, disk.misses), (0, 0));
    cache.invalidate_tag("t").await.unwrap();
    assert_eq!(cache.explain("a").await.unwrap().held, None);
}

/// I6
#[tokio::test]
async fn expiry_and_bytes_that_cannot_be_read_are_told_apart() {
    let machine = machine();
    let cache = explained::<u64>(&machine, 0);
    cache.insert("a".into(), 1).await.unwrap();
    machine.clock.advance(2 * MINUTE);
    assert!(cache.get("a").await.unwrap().is_none());
    let miss = cache.explain("a").await.unwrap().last_miss.unwrap();
    assert_eq!(miss.reason, MissReason::Expired);
    cache.insert("a".into(), 1).await.unwrap();
    cache.close().await.unwrap();
    let other = explained::<Vec<String>>(&machine, 10);
    assert!(other.get("a").await.unwrap().is_none());
    let miss = other.explain("a").await.unwrap().last_miss.unwrap();
    assert_eq!(miss.reason, MissReason::Undecodable);
}
