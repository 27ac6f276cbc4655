//! Invalidations that wait for the shared store outlive their process where there is a disk.

use std::path::Path;
use std::time::Duration;

use larder::{Applied, Cache, Disk, Sharing};
use tempfile::TempDir;

use super::super::ready;
use super::fake::Fake;
use super::fake::way::Wire;
use super::{Users, X, cache_on, is_everywhere, load, policy, value};

fn start(fake: &Fake, directory: &Path) -> Users {
    let sharing = Sharing::over(fake.seat()).staleness(Duration::from_millis(X));
    Cache::builder("users")
        .policy(policy())
        .clock(fake.clock())
        .disk(Disk::at(directory))
        .remote(sharing)
        .build()
        .unwrap()
}

/// The disk as a crash at this moment would leave it.
fn image(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let file = "users.redb";
    std::fs::copy(directory.join(file), copy.path().join(file)).unwrap();
    copy
}

fn waiting(cache: &Users) -> u64 {
    cache.stats().remote.unwrap().waiting
}

/// H2: killed between `Applied::Here` and the reconnect.
#[tokio::test(start_paused = true)]
async fn what_waited_when_the_process_was_killed_is_sent_before_anything_is_read() {
    let (fake, directory) = (Fake::new(), tempfile::tempdir().unwrap());
    let (a, b) = (start(&fake, directory.path()), cache_on(&fake, policy()));
    fake.pass(10).await;
    for key in ["key", "inserted", "other"] {
        load(&fake, &b, key, 1).await;
    }
    let tagged = b.entry("tagged").tags(["t"]).insert(1).await;
    assert!(is_everywhere(tagged));
    fake.cut_off(0);
    assert_eq!(a.invalidate("key").await.unwrap(), Applied::Here);
    assert_eq!(a.insert("inserted".into(), 2).await.unwrap(), Applied::Here);
    assert_eq!(a.invalidate_tag("t").await.unwrap(), Applied::Here);
    assert_eq!(waiting(&a), 3);
    let after_the_crash = image(directory.path());
    let restarted = start(&fake, after_the_crash.path());
    assert_eq!(waiting(&restarted), 3);
    fake.hold_answers(2, Wire::Data);
    let reads = fake.calls().reads;
    fake.pass(100).await;
    assert_eq!(value(&restarted, "other").await, None);
    assert_eq!(fake.calls().reads, reads, "nothing is read yet");
    fake.release_answers(2, Wire::Data).await;
    fake.pass(500).await;
    assert_eq!(waiting(&restarted), 0);
    for key in ["key", "inserted", "tagged"] {
        assert_eq!(value(&b, key).await, None, "{key}");
    }
    assert_eq!(value(&restarted, "other").await, Some(1));
    load(&fake, &b, "key", 3).await;

    restarted.flush().await.unwrap();
    let last = image(after_the_crash.path());
    let again = start(&fake, last.path());
    assert_eq!(waiting(&again), 0, "it was sent");
    fake.pass(500).await;
    assert_eq!(value(&b, "key").await, Some(3));
}

/// What overflows is one invalidation of all after the restart too.
#[tokio::test(start_paused = true)]
async fn what_was_too_much_to_wait_is_an_invalidation_of_all_after_a_crash_too() {
    let (fake, directory) = (Fake::new(), tempfile::tempdir().unwrap());
    let (a, b) = (start(&fake, directory.path()), cache_on(&fake, policy()));
    fake.pass(10).await;
    load(&fake, &b, "k", 1).await;
    fake.cut_off(0);
    let invalidate = |number: u64| {
        let cache = a.clone();
        tokio::spawn(async move { cache.invalidate_tag(&format!("t{number}")).await })
    };
    let all: Vec<_> = (0..1_001).map(invalidate).collect();
    for one in all {
        assert_eq!(one.await.unwrap().unwrap(), Applied::Here);
    }
    assert_eq!(waiting(&a), 1);
    assert_eq!(a.invalidate("hidden by it").await.unwrap(), Applied::Here);
    let crashed = image(directory.path());
    let restarted = start(&fake, crashed.path());
    assert_eq!(waiting(&restarted), 1);
    fake.pass(500).await;
    assert_eq!((waiting(&restarted), value(&b, "k").await), (0, None));
    assert_eq!(restarted.get_or_load("k", ready(2)).await.unwrap(), 2);
}
