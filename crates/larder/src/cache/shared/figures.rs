//! What became of what the shared store was asked for.

use std::sync::atomic::Ordering;

use super::Shared;
use crate::clock::Tick;
use crate::remote::{Link, RemoteStats};

impl<V> Shared<V> {
    pub(in super::super) fn stats(&self, now: Tick) -> RemoteStats {
        let counts = &self.counts;
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        RemoteStats {
            link: self.link().map(Link::state).unwrap_or_default(),
            is_trusted: self.gate.is_open(now),
            hits: count(&counts.hits),
            misses: count(&counts.misses),
            revalidated: count(&counts.revalidated),
            fills: count(&counts.fills),
            extended: count(&counts.extended),
            overtaken: count(&counts.overtaken),
            refused: count(&counts.refused),
            undecodable: count(&counts.undecodable),
            invalid: count(&counts.invalid),
            leased: count(&counts.leased),
            short: count(&counts.short),
            reclaimed: count(&counts.reclaimed),
            waiting: self.outbox.lock().len() as u64,
            samples: self.samples.stats(),
        }
    }
}
