//! Keys that are read together from the store that processes share, each as if it were read alone.
//!
//! ```text
//! keys that memory does not serve ─► a place in the reading of each that is under way
//!                                    └ the rest: read in one trip, each landed by itself
//! ```

use std::sync::Arc;

use quanta::Instant;

use tracing::Instrument as _;

use super::Inner;
use super::below::{Beneath, Raised};
use super::load::Call;
use crate::flight::{Boarding, Lead, Ticket};
use crate::key::CacheKey;

/// Keys of one trip at most: their values are in memory together, and have to come within the
/// promise's time.
pub(super) const TOGETHER_MAX: usize = 100;

/// Where what is beneath a key comes from.
enum Awaited<V> {
    /// The key is known to have no value.
    Absence,
    Reading(Ticket<Option<Raised<V>>>),
    /// As many readings as may be are under way.
    Nobody,
}

/// A reading that this call leads.
type Led<K, V> = (Lead<K, Option<Raised<V>>>, K, u64);

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// [`beneath`](Self::beneath) for each of some keys, [`TOGETHER_MAX`] at most, in their order.
    pub(super) async fn beneath_together(
        self: &Arc<Self>,
        keys: impl ExactSizeIterator<Item = (&K, &Call)> + Clone,
    ) -> Vec<Beneath<V>> {
        let mut found = Vec::with_capacity(keys.len());
        if self.shared.is_none() {
            for (key, call) in keys {
                found.push(self.beneath(key, call).await);
            }
            return found;
        }
        let (started, limit) = (Instant::now(), self.policy.wait_limit(false));
        let awaited = self.read_together(keys.clone()).await;
        for ((key, call), awaited) in keys.zip(awaited) {
            found.push(match awaited {
                Awaited::Absence => {
                    self.negative_hit();
                    Beneath::Absent
                }
                Awaited::Reading(ticket) => {
                    let left = limit.saturating_sub(started.elapsed());
                    let raised = self.raised_by(ticket, left, key, call.at);
                    self.as_beneath(raised.await)
                }
                Awaited::Nobody => Beneath::Nothing,
            });
        }
        found
    }

    /// Joins the readings of keys that are under way, and begins one of all the others.
    async fn read_together(
        self: &Arc<Self>,
        keys: impl Iterator<Item = (&K, &Call)>,
    ) -> Vec<Awaited<V>> {
        let mut led: Vec<Led<K, V>> = Vec::new();
        let mut board = |key: &K, call: &Call| {
            if self.is_absent(call.hash, key, self.clock.now(), call.at) {
                return Awaited::Absence;
            }
            match self.board_reading(key, call.hash, None) {
                Some(Boarding::Joined(ticket)) => Awaited::Reading(ticket),
                Some(Boarding::Leads(lead, ticket)) => {
                    led.push((lead, key.clone(), call.hash));
                    Awaited::Reading(ticket)
                }
                Some(Boarding::Full) | None => Awaited::Nobody,
            }
        };
        let awaited = keys.map(|(key, call)| board(key, call)).collect();
        if !led.is_empty() {
            let reading = self.clone().raise_together(led);
            match self.runtime() {
                Ok(runtime) => drop(runtime.spawn(reading.in_current_span())),
                Err(_) => reading.await,
            }
        }
        awaited
    }

    /// Reads the keys' values and puts them into memory, but for those that were written meanwhile.
    async fn raise_together(self: Arc<Self>, led: Vec<Led<K, V>>) {
        let mut on_disk = Vec::with_capacity(led.len());
        for (_, key, _) in &led {
            on_disk.push(self.held_on_disk(key).await);
        }
        let keys = led.iter().zip(on_disk);
        let keys = keys.map(|((_, key, hash), on_disk)| (key, *hash, on_disk));
        let found = self.read_shared_together(keys).await;
        for ((lead, key, hash), found) in led.into_iter().zip(found) {
            self.land_found(lead, key, hash, found);
        }
    }
}
