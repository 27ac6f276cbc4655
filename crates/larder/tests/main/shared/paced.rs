//! Loads after the link has come back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::{Error, Policy};

use super::super::MINUTE;
use super::fake::Fake;
use super::{Users, X, cache_with, policy};

const KEYS: usize = 20;

/// Which key was loaded, and when.
type Loads = Arc<Mutex<Vec<(u64, String)>>>;

async fn fleet(policy: Policy, per_second: u32) -> (Fake, Vec<Users>) {
    let fake = Fake::new();
    let cache = |_| {
        cache_with(&fake, policy, |sharing| {
            sharing.loads_per_second_after_reconnect(per_second)
        })
    };
    let caches = (0..5).map(cache).collect();
    fake.pass(10).await;
    (fake, caches)
}

/// Asks each cache for each key, together.
fn ask(
    fake: &Fake,
    caches: &[Users],
    loads: &Loads,
) -> Vec<tokio::task::JoinHandle<Result<u64, Error>>> {
    let mut gets = Vec::new();
    for cache in caches {
        for key in 0..KEYS {
            let (cache, fake, loads) = (cache.clone(), fake.clone(), loads.clone());
            gets.push(tokio::spawn(async move {
                let load = move |cx: larder::LoadCx<String, u64>| async move {
                    loads.lock().unwrap().push((fake.now(), cx.key().clone()));
                    Ok::<_, std::convert::Infallible>(1)
                };
                cache.get_or_load(&format!("k{key}"), load).await
            }));
        }
    }
    gets
}

fn taken(loads: &Loads) -> Vec<(u64, String)> {
    std::mem::take(&mut *loads.lock().unwrap())
}

/// After a restart of the server that lost everything, each key is loaded once in the fleet, and by no
/// process faster than it may.
#[tokio::test(start_paused = true)]
async fn after_a_reconnect_each_key_is_loaded_once_and_no_faster_than_said() {
    let (fake, caches) = fleet(policy(), 2).await;
    let loads = Loads::default();
    let gets = ask(&fake, &caches, &loads);
    fake.pass(200).await;
    for get in gets {
        get.await.unwrap().unwrap();
    }
    assert_eq!(
        taken(&loads).len(),
        KEYS,
        "once, and at once: it is no reconnect"
    );
    fake.restart();
    fake.pass(500).await;
    let began = fake.now();
    let gets = ask(&fake, &caches, &loads);
    fake.pass(15_000).await;
    for get in gets {
        get.await.unwrap().unwrap();
    }
    let mut taken = taken(&loads);
    for (at, _) in &taken {
        let so_far = taken.iter().filter(|(other, _)| other <= at).count() as u64;
        let may = 5 * (1 + (at - began + 10) * 2 / 1_000);
        assert!(so_far <= may, "{so_far} loads until {}", at - began);
    }
    taken.sort_by(|(_, one), (_, other)| one.cmp(other));
    taken.dedup_by(|(_, one), (_, other)| one == other);
    assert_eq!(taken.len(), KEYS);
    let total: u64 = caches.iter().map(|cache| cache.stats().loads).sum();
    assert_eq!(total, 2 * KEYS as u64, "once more in the whole fleet");
}

/// What could not begin before its callers have gone fails at once, and leaves no lease.
#[tokio::test(start_paused = true)]
async fn what_has_to_wait_for_too_long_is_refused_at_once() {
    let policy = policy().hard_timeout(Duration::from_secs(2));
    let (fake, caches) = fleet(policy, 2).await;
    let loads = Loads::default();
    fake.restart();
    fake.pass(500).await;
    let gets = ask(&fake, &caches[..1], &loads);
    fake.pass(100).await;
    let (mut refused, mut others) = (0, Vec::new());
    for get in gets {
        if get.is_finished() {
            let outcome = get.await.unwrap();
            refused += usize::from(matches!(outcome, Err(Error::Paced { per_second: 2 })));
        } else {
            others.push(get);
        }
    }
    assert_eq!((refused, others.len()), (KEYS - 4, 3));
    fake.pass(2 * X).await;
    for get in others {
        assert_eq!(get.await.unwrap().unwrap(), 1);
    }
    fake.settle().await;
    let is_leased = |key| fake.net().server.is_leased("users", &format!("k{key}"));
    assert!(!(0..KEYS).any(is_leased));
}

/// A load of many keys counts for as many.
#[tokio::test(start_paused = true)]
async fn many_keys_of_one_load_count_each_and_after_a_while_nothing_is_paced() {
    let (fake, caches) = fleet(Policy::ttl(10 * MINUTE), 2).await;
    fake.restart();
    fake.pass(500).await;
    let many = |from: usize| {
        let cache = caches[0].clone();
        tokio::spawn(async move {
            let keys: Vec<_> = (from..from + 6).map(|key| format!("k{key}")).collect();
            let load = |missing: Vec<String>| async move {
                Ok::<_, String>(missing.into_iter().map(|key| (key, 1)))
            };
            cache.get_or_load_many(keys, load).await
        })
    };
    let (first, second) = (many(0), many(6));
    fake.pass(2_500).await;
    let done = usize::from(first.is_finished()) + usize::from(second.is_finished());
    assert_eq!(done, 1, "the other begins 3 seconds later");
    fake.pass(1_000).await;
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    fake.pass(30_000).await;
    let loads = Loads::default();
    let gets = ask(&fake, &caches[1..2], &loads);
    fake.pass(100).await;
    for get in gets {
        get.await.unwrap().unwrap();
    }
    assert_eq!(taken(&loads).len(), KEYS - 12);
}
