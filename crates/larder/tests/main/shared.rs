//! Caches that share a store, on a fake of it in virtual time.

mod audit;
mod conditional;
mod entries;
#[expect(dead_code, reason = "the checker of histories uses the rest of it")]
pub(crate) mod fake;
mod invalidation;
mod leases;
mod links;
mod many;
mod many_loads;
mod outbox;
mod paced;
mod reclaim;
mod server_life;
mod together;
mod traces;

use std::time::Duration;

use larder::{Applied, Cache, Policy, Sharing, Source};

use super::{MINUTE, ready};
use fake::Fake;

/// The promise's X in these tests, in milliseconds.
const X: u64 = 1_000;

type Users = Cache<String, u64>;

fn policy() -> Policy {
    Policy::ttl(MINUTE)
}

/// A cache in a process of its own.
fn cache_on(fake: &Fake, policy: Policy) -> Users {
    cache_with(fake, policy, |sharing| sharing)
}

fn cache_with(fake: &Fake, policy: Policy, with: impl FnOnce(Sharing) -> Sharing) -> Users {
    let sharing = Sharing::over(fake.seat()).staleness(Duration::from_millis(X));
    Cache::builder("users")
        .policy(policy)
        .clock(fake.clock())
        .explain(true)
        .remote(with(sharing))
        .build()
        .unwrap()
}

/// So many caches, each in a process of its own, with a link that stands.
async fn caches<const N: usize>() -> (Fake, [Users; N]) {
    caches_with(policy()).await
}

async fn caches_with<const N: usize>(policy: Policy) -> (Fake, [Users; N]) {
    let fake = Fake::new();
    let caches = std::array::from_fn(|_| cache_on(&fake, policy));
    fake.pass(10).await;
    assert!((0..N).all(|node| fake.is_up(node)));
    (fake, caches)
}

/// What the cache has for a key, and where it was found.
async fn seen(cache: &Users, key: &str) -> Option<(u64, Source)> {
    let entry = cache.get(key).await.unwrap()?;
    Some((entry.value, entry.source))
}

async fn value(cache: &Users, key: &str) -> Option<u64> {
    seen(cache, key).await.map(|(value, _)| value)
}

/// Loads a value and lets the news of it reach everyone.
async fn load(fake: &Fake, cache: &Users, key: &str, value: u64) {
    assert_eq!(cache.get_or_load(key, ready(value)).await.unwrap(), value);
    fake.settle().await;
}

fn is_everywhere(applied: Result<Applied, larder::Error>) -> bool {
    applied.unwrap() == Applied::Everywhere
}
