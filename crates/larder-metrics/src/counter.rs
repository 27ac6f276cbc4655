//! Counters: what happened, how often. They know no names and no time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;
use crate::context::Context;

/// A count of events that only grows. Cloning gives a handle to the same count.
///
/// Adding is one relaxed atomic addition: it never blocks, and no addition is lost whatever the
/// number of threads. The count wraps at 2^64. What can also fall is a [`Gauge`](crate::Gauge).
///
/// ```
/// let registry = larder_metrics::Registry::new();
/// let received = registry.counter("events.received")?;
/// received.increment();
/// received.add(4);
/// assert_eq!(received.value(), 5);
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Counter(Arc<Cell>);

/// A line of cache to itself, so that neighbouring counters do not slow one another.
#[derive(Debug)]
#[repr(align(64))]
struct Cell {
    count: AtomicU64,
    context: Arc<Context>,
}

impl Counter {
    /// A counter that belongs to no registry and is always enabled.
    ///
    /// ```
    /// let hits = larder_metrics::Counter::new();
    /// hits.increment();
    /// assert_eq!(hits.value(), 1);
    /// ```
    pub fn new() -> Self {
        Self::within(&Context::new(Clock::system()))
    }

    pub(crate) fn within(context: &Arc<Context>) -> Self {
        Self(Arc::new(Cell {
            count: AtomicU64::new(0),
            context: context.clone(),
        }))
    }

    /// Counts one event.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Counts `events` events at once; nothing while the registry is disabled.
    #[inline]
    pub fn add(&self, events: u64) {
        if self.0.context.is_enabled() {
            self.0.count.fetch_add(events, Ordering::Relaxed);
        }
    }

    /// Sets the count to `count`, if it is lower; nothing while the registry is disabled.
    #[cfg(feature = "recorder")]
    pub(crate) fn raise_to(&self, count: u64) {
        if self.0.context.is_enabled() {
            self.0.count.fetch_max(count, Ordering::Relaxed);
        }
    }

    /// The count so far, since the last [`Registry::reset`](crate::Registry::reset).
    pub fn value(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    pub(crate) fn reset(&self) {
        self.0.count.store(0, Ordering::Relaxed);
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}
