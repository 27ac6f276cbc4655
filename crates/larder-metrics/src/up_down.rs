//! Up-down counters: how many there are of what comes and goes. They know no names and no time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;
use crate::context::Context;

/// A count of what comes and goes, such as open connections. Cloning gives a handle to the same count.
///
/// Adding is one relaxed atomic addition: it never blocks, and no addition is lost whatever the
/// number of threads. The count wraps at 2^63. A [`Registry::reset`](crate::Registry::reset) leaves
/// it: what is there does not go away by that. While the registry is disabled nothing is counted, so
/// that a count which was changed meanwhile is off by that much afterwards.
///
/// ```
/// let registry = larder_metrics::Registry::new();
/// let connections = registry.up_down_counter("active.connections")?;
/// connections.increment();
/// connections.add(3);
/// connections.decrement();
/// assert_eq!(connections.value(), 3);
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UpDownCounter(Arc<Cell>);

/// A line of cache to itself, so that neighbouring counters do not slow one another.
#[derive(Debug)]
#[repr(align(64))]
struct Cell {
    count: AtomicI64,
    context: Arc<Context>,
}

impl UpDownCounter {
    /// A counter that belongs to no registry and is always enabled.
    ///
    /// ```
    /// let waiting = larder_metrics::UpDownCounter::new();
    /// waiting.decrement();
    /// assert_eq!(waiting.value(), -1);
    /// ```
    pub fn new() -> Self {
        Self::within(&Context::new(Clock::system()))
    }

    pub(crate) fn within(context: &Arc<Context>) -> Self {
        Self(Arc::new(Cell {
            count: AtomicI64::new(0),
            context: context.clone(),
        }))
    }

    /// Counts one that has come.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Counts one that has gone.
    #[inline]
    pub fn decrement(&self) {
        self.add(-1);
    }

    /// Adds `delta`, which may be negative; nothing while the registry is disabled.
    #[inline]
    pub fn add(&self, delta: i64) {
        if self.0.context.is_enabled() {
            self.0.count.fetch_add(delta, Ordering::Relaxed);
        }
    }

    /// How many there are.
    pub fn value(&self) -> i64 {
        self.0.count.load(Ordering::Relaxed)
    }
}

impl Default for UpDownCounter {
    fn default() -> Self {
        Self::new()
    }
}
