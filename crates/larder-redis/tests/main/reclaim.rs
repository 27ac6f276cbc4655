//! What is invalid is taken out of the store, for its room.

use std::time::{Duration, Instant};

use larder::Applied;
use larder_testkit::servers::RedisServer;

use crate::main::caches::two;
use crate::main::recorder::{LIMIT, X, server};
use crate::main::sites::Shaken;

/// An X with which no heartbeat tells of a slot's new owner before it is asked for.
const RARE: Duration = Duration::from_mins(1);

/// G11
#[tokio::test(flavor = "multi_thread")]
async fn what_an_invalidation_of_many_has_made_invalid_is_taken_out_by_unlink() {
    let server = server();
    let (a, b) = two(&server, X);
    a.insert_many((0..700).map(|key| (key, key))).await.unwrap();
    assert_eq!(b.get_many(&[5, 200, 300]).await.unwrap().len(), 3);
    assert_eq!(a.invalidate_prefix("1").await.unwrap(), Applied::Everywhere);
    let begun = Instant::now();
    while b.get(&1).await.unwrap().is_some() {
        assert!(begun.elapsed() < LIMIT, "it was never told");
    }
    // From here on what is stored is stamped as newer.
    let (rewritten, left) = (15, 700 - 111 + 1);
    b.insert(rewritten, 9).await.unwrap();
    let reclaimed = a.reclaim(100_000).unwrap().done().await.unwrap();
    assert_eq!((reclaimed.entries, reclaimed.scanned >= 700), (110, true));
    // The log's key is there besides.
    assert_eq!(server.cli(&["DBSIZE"]), (left + 1).to_string());
    let commands = server.cli(&["INFO", "commandstats"]);
    assert!(commands.contains("cmdstat_unlink:calls=110"), "{commands}");
    for (key, expected) in [(5, Some(5)), (1, None), (rewritten, Some(9))] {
        let found = b.get(&key).await.unwrap();
        assert_eq!(found.map(|entry| entry.value), expected);
    }
}

/// What has been taken out at a server, by its own account.
fn unlinked(server: &RedisServer) -> usize {
    let commands = server.cli(&["INFO", "commandstats"]);
    let calls = commands.split_once("cmdstat_unlink:calls=");
    let calls = calls.and_then(|(_, rest)| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

/// G11
#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_what_is_invalid_is_taken_out_of_every_primary() {
    let site = Shaken::alone().await;
    let (a, b) = two(&site, X);
    a.insert_many((0..700).map(|key| (key, key))).await.unwrap();
    let invalid = site.name("e:{users:1*");
    let counts = || -> Vec<usize> {
        let names = |primary: &RedisServer| primary.cli(&["KEYS", &invalid]).lines().count();
        site.primaries().map(names).collect()
    };
    let (before, taken_before) = (counts(), site.primaries().map(unlinked));
    let taken_before: Vec<usize> = taken_before.collect();
    assert_eq!((before.len(), before.iter().sum::<usize>()), (3, 111));
    assert!(before.iter().all(|count| *count > 0), "{before:?}");

    assert_eq!(a.invalidate_prefix("1").await.unwrap(), Applied::Everywhere);
    assert_eq!(counts(), before, "one item of the log, and no more");
    let reclaimed = a.reclaim(100_000).unwrap().done().await.unwrap();
    assert_eq!((reclaimed.entries, reclaimed.scanned >= 700), (111, true));
    assert_eq!(counts(), [0, 0, 0]);
    let taken = site.primaries().map(unlinked).zip(taken_before);
    let taken: Vec<usize> = taken.map(|(after, before)| after - before).collect();
    assert_eq!(taken, before, "by unlink, at each");
    for (key, expected) in [(5, Some(5)), (1, None), (699, Some(699))] {
        let found = b.get(&key).await.unwrap();
        assert_eq!(found.map(|entry| entry.value), expected);
    }
}

/// The process has not heard that the slot has moved.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_invalid_is_taken_out_where_it_has_moved_to() {
    let site = Shaken::alone().await;
    let (a, _) = two(&site, RARE);
    a.insert_many([(7, 1), (8, 1)]).await.unwrap();
    let to = site.place_of_another("e:{users:7}");
    site.cluster
        .move_slot(site.slot_of("e:{users:7}"), to)
        .unwrap();
    assert_eq!(a.clear().await.unwrap(), Applied::Everywhere);
    let reclaimed = a.reclaim(100_000).unwrap().done().await.unwrap();
    assert_eq!((reclaimed.entries, site.has("e:{users:7}")), (2, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_to_another_primary_stays_and_the_rest_is_taken_out() {
    let site = Shaken::alone().await;
    let (a, _) = two(&site, X);
    a.insert_many((0..60).map(|key| (key, 1))).await.unwrap();
    let (slot, to) = (
        site.slot_of("e:{users:7}"),
        site.place_of_another("e:{users:7}"),
    );
    site.cluster.begin_move(slot, to).unwrap();
    assert_eq!(a.clear().await.unwrap(), Applied::Everywhere);
    let reclaimed = a.reclaim(100_000).unwrap().done().await.unwrap();
    assert_eq!((reclaimed.entries, site.has("e:{users:7}")), (59, true));
    site.cluster.end_move(slot, to).unwrap();
    let reclaimed = a.reclaim(100_000).unwrap().done().await.unwrap();
    assert_eq!((reclaimed.entries, site.has("e:{users:7}")), (1, false));
}
