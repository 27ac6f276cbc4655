//! Restarts, failovers and losses of the server.

use super::super::{held_load, reading, ready};
use super::fake::way::Wire;
use super::{X, caches, is_everywhere, load, value};

/// J5
#[tokio::test(start_paused = true)]
async fn what_an_older_copy_of_the_data_brings_back_is_not_served() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.net().server.dump();
    assert!(is_everywhere(a.invalidate("k").await));
    fake.settle().await;
    fake.restart();
    fake.pass(500).await;
    assert!(fake.net().server.bytes_of("users", "k").is_some());
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
    load(&fake, &b, "k", 2).await;
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(2), Some(2))
    );
}

/// The same of a lease, and of the load that was made under it.
#[tokio::test(start_paused = true)]
async fn a_lease_that_an_older_copy_of_the_data_brings_back_stores_nothing_of_use() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let reader = reading(&a, "k", load);
    let held = held.begun().await;
    fake.net().server.dump();
    assert!(is_everywhere(b.invalidate("k").await));
    fake.settle().await;
    fake.restart();
    fake.pass(500).await;
    held.release(1);
    reader.await.unwrap().unwrap();
    fake.pass(X).await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
}

/// The log of an older copy goes on with other items under the numbers of those that were lost.
#[tokio::test(start_paused = true)]
async fn a_log_that_was_set_back_and_went_on_is_known_as_another() {
    let (fake, [a, b]) = caches().await;
    assert!(is_everywhere(a.invalidate_tag("first").await));
    fake.settle().await;
    fake.net().server.dump();
    for tag in ["lost", "lost too"] {
        assert!(is_everywhere(a.invalidate_tag(tag).await));
    }
    fake.settle().await;
    fake.restart();
    fake.net().nodes[1].is_cut_off = true;
    fake.pass(500).await;
    assert!(is_everywhere(a.entry("k").tags(["t"]).insert(1).await));
    for tag in ["t", "more", "and more"] {
        assert!(is_everywhere(a.invalidate_tag(tag).await));
    }
    fake.heal(1).await;
    assert_eq!(value(&b, "k").await, None);
}

/// J6
#[tokio::test(start_paused = true)]
async fn a_server_in_another_life_of_its_data_is_noticed_on_a_connection_that_stands() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.net().server.life += 1;
    fake.pass(2 * X).await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
    load(&fake, &a, "k", 2).await;
    assert_eq!(value(&b, "k").await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_emptied_leaves_nothing_in_memory() {
    let (fake, [a, b]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&b, "k").await, Some(1));
    fake.flush();
    fake.pass(500).await;
    assert_eq!((value(&a, "k").await, value(&b, "k").await), (None, None));
    load(&fake, &a, "k", 2).await;
    assert_eq!(value(&b, "k").await, Some(2));
}

/// J3: a demoted primary refuses heartbeats and answers nothing.
#[tokio::test(start_paused = true)]
async fn a_server_that_may_not_write_is_no_server() {
    let (fake, [a]) = caches().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(value(&a, "k").await, Some(1));
    fake.net().server.is_read_only = true;
    fake.pass(X).await;
    assert!(!fake.is_up(0));
    assert_eq!(a.peek("k"), None);
    assert_eq!(
        a.get_or_load("k", ready(2)).await.unwrap(),
        2,
        "from the origin, for a moment"
    );
    fake.net().server.is_read_only = false;
    fake.pass(X + 500).await;
    assert_eq!(
        value(&a, "k").await,
        Some(1),
        "the store's is as valid as it was"
    );
}

/// H5 without a disk: what a process that was cut off for long holds is compared before it is served.
#[tokio::test(start_paused = true)]
async fn what_is_held_from_before_a_long_absence_is_compared_by_version() {
    let (fake, [a, b]) = caches().await;
    for key in ["same", "changed", "gone"] {
        load(&fake, &a, key, 1).await;
        assert_eq!(value(&b, key).await, Some(1));
    }
    fake.cut_off(1);
    assert!(is_everywhere(a.insert("changed".into(), 2).await));
    assert!(is_everywhere(a.invalidate("gone").await));
    fake.pass(5 * X).await;
    fake.heal(1).await;
    let before = fake.calls().reads;
    assert_eq!(value(&b, "same").await, Some(1));
    assert_eq!(value(&b, "changed").await, Some(2));
    assert_eq!(value(&b, "gone").await, None);
    assert_eq!(fake.calls().reads, before + 3);
}

/// A command that was sent on a lost connection is done late, and stores nothing.
#[tokio::test(start_paused = true)]
async fn a_command_that_comes_late_harms_nobody() {
    let (fake, [a, b]) = caches().await;
    fake.net().delays.late = vec![300];
    let (held, load) = held_load();
    let reader = reading(&a, "k", load);
    let held = held.begun().await;
    fake.hold_commands(0, Wire::Data);
    held.release(1);
    fake.settle().await;
    fake.lose(0);
    assert!(is_everywhere(b.insert("k".into(), 2).await));
    fake.pass(500).await;
    reader.await.unwrap().unwrap();
    assert_eq!(
        (value(&a, "k").await, value(&b, "k").await),
        (Some(2), Some(2))
    );
}
