//! Leases for many keys that are loaded together from a store that processes share.
//!
//! ```text
//! flights that this call leads ─► a lease of each, asked for together
//!     ├ ours ────────────► one load for all of them ─► each stored under its lease
//!     ├ a value stands ──► adopted
//!     └ another process's ─► waited for, each by itself; what it does not bring is loaded here after all
//! ```

use std::fmt::Display;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::future::join_all;
use quanta::Instant;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use tracing::Instrument as _;

use super::Inner;
use super::load_many::Brought;
use super::shared::Lease;
use super::together::TOGETHER_MAX;
use super::under_way::UnderWay;
use crate::error::Error;
use crate::key::CacheKey;
use crate::loader::Loaded;
use crate::observe::Event;

/// Loads that may begin. Dropped before that, they are left to whoever else wants their keys.
type Claimed<K, V> = Vec<(UnderWay<K, V>, Lease<V>)>;

/// The leases that have been asked for and are yet to come, no more than the keys.
pub(super) struct Claims<K: CacheKey, V: Clone + Send + Sync + 'static>(
    UnboundedReceiver<Claimed<K, V>>,
);

pub(super) fn keys_of<K: CacheKey, V: Clone + Send + Sync + 'static>(
    claimed: &Claimed<K, V>,
) -> Vec<K> {
    claimed.iter().map(|(load, _)| load.key.clone()).collect()
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Claims<K, V> {
    /// The loads that may begin now; `None` when all have.
    ///
    /// # Errors
    /// [`Error::Timeout`], past the policy's hard time-out from `started`.
    pub(super) async fn next(
        &mut self,
        inner: &Inner<K, V>,
        started: Instant,
    ) -> Result<Option<Claimed<K, V>>, Error> {
        let limit = inner.policy.wait_limit(false);
        let left = limit.saturating_sub(started.elapsed());
        let Ok(next) = tokio::time::timeout(left, self.0.recv()).await else {
            inner.recorder.count(Event::Timeout);
            let waited = started.elapsed();
            return Err(Error::Timeout { waited });
        };
        Ok(next.map(|mut claimed| {
            while let Ok(more) = self.0.try_recv() {
                claimed.extend(more);
            }
            claimed
        }))
    }
}

/// Asks for the leases of loads, in the background.
pub(super) fn claim_all<K: CacheKey, V: Clone + Send + Sync + 'static>(
    runtime: &Handle,
    mut led: Vec<UnderWay<K, V>>,
) -> Claims<K, V> {
    let (to, claims) = mpsc::unbounded_channel();
    for load in &mut led {
        load.is_waiting = true;
    }
    if !led.is_empty() {
        runtime.spawn(claim(runtime.clone(), led, to).in_current_span());
    }
    Claims(claims)
}

async fn claim<K: CacheKey, V: Clone + Send + Sync + 'static>(
    runtime: Handle,
    led: Vec<UnderWay<K, V>>,
    to: UnboundedSender<Claimed<K, V>>,
) {
    let (mut led, mut claimed) = (led.into_iter(), Vec::new());
    loop {
        let some: Vec<_> = led.by_ref().take(TOGETHER_MAX).collect();
        if some.is_empty() {
            break;
        }
        let asking = some.into_iter().map(|load| async {
            let mut claim = load.claim();
            let first = load.try_lease(&mut claim).await;
            (load, claim, first)
        });
        for (load, mut claim, first) in join_all(asking).await {
            match first {
                ControlFlow::Break(lease) => claimed.extend(load.claimed(lease)),
                ControlFlow::Continue(left) => {
                    let to = to.clone();
                    runtime.spawn(async move {
                        load.wait_for_another(left).await;
                        let lease = load.lease_by(&mut claim).await;
                        if let Some(one) = load.claimed(lease) {
                            // Nobody waits for it: it is dropped, and its lease ends.
                            let _ = to.send(vec![one]);
                        }
                    });
                }
            }
        }
    }
    if !claimed.is_empty() {
        let _ = to.send(claimed);
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> UnderWay<K, V> {
    /// The load, with the lease that it may begin under; `None` if its key has a value by now.
    fn claimed(mut self, lease: Lease<V>) -> Option<(Self, Lease<V>)> {
        if let Lease::Adopted(raised) = &lease {
            self.is_waiting = false;
            self.adopt(raised);
            return None;
        }
        self.token = lease.token();
        Some((self, lease))
    }
}

/// Loads, and ends the flights with what that brings for them, each under its lease.
pub(super) async fn bring_shared<K, V, I, L, E>(
    inner: Arc<Inner<K, V>>,
    mut led: Claimed<K, V>,
    loading: impl Future<Output = Result<I, E>>,
) where
    K: CacheKey,
    V: Clone + Send + Sync + 'static,
    I: IntoIterator<Item = (K, L)>,
    L: Into<Loaded<V>>,
    E: Display + Send + Sync + 'static,
{
    let held =
        |(load, lease): &(UnderWay<K, V>, Lease<V>)| Some((load.key.clone(), lease.token()?));
    let held: Vec<_> = led.iter().filter_map(held).collect();
    let renewing = inner.renewing(held.iter().map(|(key, token)| (key, *token)));
    let turn = inner.paced(led.len() as u64).await;
    for (load, _) in &mut led {
        load.is_waiting = false;
        load.started = Instant::now();
    }
    let mut brought = match turn {
        Ok(()) => Brought::of(loading.await),
        Err(error) => Brought::none(error),
    };
    drop(renewing);
    let mut led = led.into_iter();
    loop {
        let some: Vec<_> = led.by_ref().take(TOGETHER_MAX).collect();
        if some.is_empty() {
            return;
        }
        let ends = some.into_iter().map(|(load, lease)| {
            let loaded = brought.take(&load.key);
            load.settle_shared(loaded, lease)
        });
        drop(join_all(ends).await);
    }
}
