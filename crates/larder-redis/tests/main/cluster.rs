//! A cluster: all primaries vouch together, slots move, primaries change.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use larder::Applied;
use larder::remote::Read;
use larder_redis::Redis;
use larder_testkit::poll;

use crate::main::caches::{Origin, is_trusted, process_at};
use crate::main::recorder::{Heard, LIMIT, Node, Reached, X};
use crate::main::sites::{Shaken, Site};

/// The entry of the key that [`Origin`] loads.
const ENTRY: &str = "e:{users:7}";
/// Its namespace's log.
const LOG: &str = "g:{users}";
/// An X with which no heartbeat tells of a slot's new owner before it is asked for.
const RARE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_to_the_primaries_of_their_slots_and_all_tell_of_changes() {
    let site = Site::in_a_cluster().await;
    let (node, other) = (Node::up(&site), Node::up(&site));
    let keys: Vec<String> = (0..60).map(|key| key.to_string()).collect();
    let asked: Vec<(&str, Option<u64>)> = keys.iter().map(|key| (key.as_str(), None)).collect();
    for key in &keys {
        node.stores(key, 1).await;
        other.hears(&Heard::Key(key.clone()));
    }
    let incarnations = keys.iter().map(|key| node.link.incarnation(key));
    let servers: std::collections::BTreeSet<u64> = incarnations.collect();
    assert_eq!(servers.len(), 3);
    let found = other.link.read_many(&asked).await.unwrap();
    assert!(found.iter().all(|read| matches!(read, Read::Entry(..))));
    node.recorder.forget();
    let all: Vec<&str> = keys.iter().map(String::as_str).collect();
    other.link.invalidate(&all, None).await.unwrap();
    node.link.caught_up().await.unwrap();
    for key in &keys {
        assert!(node.recorder.has_heard(&Heard::Key(key.clone())), "{key}");
    }
    let found = node.link.read_many(&asked).await.unwrap();
    assert!(found.iter().all(|read| *read == Read::Nothing));
}

/// J4: where the log's primary is out of reach and the entry's is not.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_past_x_while_one_primary_is_out_of_reach() {
    let site = Shaken::alone().await;
    let x = Duration::from_secs(1);
    let cluster = &site.cluster;
    if site.place_of(ENTRY) == site.place_of(LOG) {
        let other = site.place_of_another(LOG);
        cluster.move_slot(site.slot_of(ENTRY), other).unwrap();
    }
    let (a, origin) = (process_at(&site, x), Origin::new());
    assert_eq!(origin.get(&a).await, 1);
    origin.value.store(2, Ordering::SeqCst);
    assert_eq!(origin.get(&a).await, 1, "it is held");
    let silent = &cluster.nodes()[site.place_of(LOG)];
    silent.stop();
    let stopped = Instant::now();
    loop {
        let begun = stopped.elapsed();
        if origin.get(&a).await == 2 {
            break;
        }
        assert!(begun < x, "served in a get that began {begun:?} later");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let named = || {
        let reason = a.stats().remote?.link.reason?;
        reason.contains(&silent.addr().to_string()).then_some(())
    };
    poll("a reason that names the node", LIMIT, named).unwrap();
    silent.cont();
    cluster.wait_until_whole().unwrap();
    poll("it to be back", LIMIT, || is_trusted(&a).then_some(())).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_between_known_primaries_is_followed() {
    let site = Shaken::alone().await;
    let node = Node::up_within(&site, RARE);
    node.stores("7", 1).await;
    node.stores("8", 1).await;
    let first = node.link.incarnation("7");
    let to = site.place_of_another("e:{u:7}");
    site.cluster.move_slot(site.slot_of("e:{u:7}"), to).unwrap();
    assert_eq!(node.version("7").await, Some(1));
    assert_ne!(node.link.incarnation("7"), first, "another server's data");
    node.link.invalidate(&["7", "8"], None).await.unwrap();
    assert_eq!(node.version("7").await, None);
    node.hears(&Heard::Key("7".to_owned()));
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_moves_is_another_log_with_the_same_items() {
    let site = Shaken::alone().await;
    let node = Node::up_within(&site, RARE);
    let tag = |name: &str| [b"\x01", name.as_bytes()].concat();
    let before = node.link.log(None, &[tag("a")], None).await.unwrap().place;
    let to = site.place_of_another("g:{u}");
    site.cluster.move_slot(site.slot_of("g:{u}"), to).unwrap();
    let news = node
        .link
        .log(Some(before), &[tag("b")], None)
        .await
        .unwrap();
    assert_ne!(news.place.base, before.base);
    assert_eq!(news.items, [(2, tag("b"))], "what has come since");
    let all = node.link.log(None, &[], None).await.unwrap();
    assert_eq!(all.items, [(1, tag("a")), (2, tag("b"))]);
    node.link.caught_up().await.unwrap();
    node.hears(&Heard::Log(Some(all.place)));
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_slot_is_being_moved_its_missing_keys_are_not_read_and_invalidations_wait() {
    let site = Shaken::alone().await;
    let (node, patient) = (Node::up(&site), Node::up_within(&site, RARE));
    let (slot, to) = (site.slot_of("e:{u:7}"), site.place_of_another("e:{u:7}"));
    site.cluster.begin_move(slot, to).unwrap();
    let refused = node.link.read("7", None).await.unwrap_err();
    assert!(refused.0.contains("is being moved"), "{refused}");
    assert!(
        node.link
            .acquire("7", crate::main::recorder::want(1))
            .await
            .is_err()
    );
    assert_eq!(node.recorder.count(&Heard::Ended), 0);

    let lost = node.link.invalidate(&["7"], None).await.unwrap_err();
    assert!(lost.0.contains("is being moved"), "{lost}");
    assert!(
        node.recorder.has_heard(&Heard::Ended),
        "it is not acknowledged"
    );
    node.comes_up(2);
    let (told, ()) = tokio::join!(patient.link.invalidate(&["7"], None), async {
        tokio::task::block_in_place(|| site.cluster.end_move(slot, to)).unwrap();
    });
    told.unwrap();
    assert_eq!(patient.recorder.count(&Heard::Ended), 0);
    node.stores("7", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_takes_over_is_found_and_the_old_one_s_entries_are_of_no_use() {
    let site = Shaken::alone().await;
    let node = Node::up(&site);
    node.stores("7", 1).await;
    let first = node.link.incarnation("7");
    let new = site.cluster.failover(site.slot_of("e:{u:7}")).unwrap();
    node.ends();
    node.comes_up(2);
    assert_ne!(node.link.incarnation("7"), first);
    node.link.invalidate(&["7"], None).await.unwrap();
    assert_eq!(new.cli(&["EXISTS", &site.name("e:{u:7}")]), "0");
    site.cluster.wait_until_whole().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_primary_s_death_its_replica_is_used_and_nothing_old_is_served() {
    let site = Shaken::alone().await;
    let (a, b) = (process_at(&site, X), process_at(&site, X));
    let origin = Origin::new();
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (1, 1));
    let dead = &site.cluster.nodes()[site.place_of(ENTRY)];
    dead.kill();
    origin.value.store(2, Ordering::SeqCst);
    let applied = a.invalidate(&7).await.unwrap();
    assert_eq!(applied, Applied::Here, "nobody could acknowledge it");
    assert_eq!(origin.get(&a).await, 2);
    let returned = || (is_trusted(&a) && is_trusted(&b)).then_some(());
    if let Err(error) = poll("both to be back", LIMIT, returned) {
        panic!("{error}: {:?}, {:?}", a.stats().remote, b.stats().remote);
    }
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (2, 2));
    origin.value.store(3, Ordering::SeqCst);
    assert_eq!(b.invalidate(&7).await.unwrap(), Applied::Everywhere);
    assert_eq!(origin.get(&b).await, 3);
    dead.restart().unwrap();
    site.cluster.wait_until_whole().unwrap();
}

/// Slots of the key and of the log go round while one process invalidates and another reads.
#[tokio::test(flavor = "multi_thread")]
async fn slots_that_move_under_load_lose_no_invalidation() {
    const MOVES: usize = 12;
    let site = Shaken::alone().await;
    let (a, b) = (process_at(&site, X), process_at(&site, X));
    let origin = Origin::new();
    let mover = async {
        for turn in 0..MOVES {
            let name = if turn % 3 == 2 { LOG } else { ENTRY };
            let one = || {
                site.cluster
                    .move_slot(site.slot_of(name), site.place_of_another(name))
            };
            tokio::task::block_in_place(one).unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (mut due, mut everywhere) = (Vec::new(), 0);
    let load = async {
        for value in 2.. {
            origin.value.store(value, Ordering::SeqCst);
            let writer = if value % 3 == 0 {
                a.clear().await
            } else {
                a.invalidate(&7).await
            };
            if writer.unwrap() == Applied::Everywhere {
                due.push((Instant::now() + X, value));
                everywhere += 1;
            }
            assert_eq!(origin.get(&a).await, value);
            let begun = Instant::now();
            let least = due.iter().rev().find(|(time, _)| *time < begun);
            let seen = origin.get(&b).await;
            assert!(
                least.is_none_or(|(_, least)| seen >= *least),
                "{seen} of {least:?}"
            );
        }
    };
    tokio::select! {
        () = mover => {}
        () = load => {}
    }
    assert!(everywhere > 10, "{everywhere}");
    let returned = || (is_trusted(&a) && is_trusted(&b)).then_some(());
    poll("both to be back", LIMIT, returned).unwrap();
    origin.value.store(1_000_000, Ordering::SeqCst);
    assert_eq!(b.invalidate(&7).await.unwrap(), Applied::Everywhere);
    let begun = Instant::now();
    while origin.get(&a).await != 1_000_000 {
        assert!(begun.elapsed() < X, "older than the promise allows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_and_a_server_that_is_alone_are_not_taken_for_each_other() {
    let site = Site::in_a_cluster().await;
    let node = site.url().replace("redis+cluster", "redis");
    let node = node.split(',').next().unwrap();
    let joins = |url: &str| Node::join(&Redis::at(url).unwrap(), "u", X);
    joins(node).is_down_for("name that as redis+cluster://");
    let alone = crate::main::recorder::server();
    joins(&format!("redis+cluster://{}", alone.addr())).is_down_for("it is in no cluster");
}
