//! The last snapshots of a registry, for figures over the last seconds or minutes. It knows no clock:
//! its owner decides when a snapshot is taken.

use std::collections::VecDeque;
use std::time::Duration;

use crate::snapshot::Snapshot;

/// A ring of snapshots of one registry, at regular intervals, that answers for the last N seconds.
///
/// It holds as many whole snapshots as it is made for: 60 of them, ten seconds apart, cover the last
/// ten minutes.
///
/// ```
/// use larder_metrics::{History, Limits, ManualClock, Registry};
/// use std::time::Duration;
///
/// let manual = ManualClock::new();
/// let registry = Registry::with(Limits::default(), manual.clock());
/// let received = registry.counter("events.received")?;
/// let mut history = History::new(60);
/// for second in 0..=30 {
///     history.push(registry.snapshot());
///     received.add(second);
///     manual.advance(Duration::from_secs(1));
/// }
/// let window = history.last(Duration::from_secs(10)).unwrap();
/// assert_eq!(window.rate("events.received", &[]), Some(24.5));
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct History {
    /// Oldest first.
    snapshots: VecDeque<Snapshot>,
    capacity: usize,
}

impl History {
    /// A history of the last `capacity` snapshots, at least 2.
    pub fn new(capacity: usize) -> Self {
        Self {
            snapshots: VecDeque::new(),
            capacity: capacity.max(2),
        }
    }

    /// Adds the registry's newest snapshot; the oldest leaves a full history.
    pub fn push(&mut self, snapshot: Snapshot) {
        if self.snapshots.len() == self.capacity {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back(snapshot);
    }

    /// The newest snapshot.
    pub fn latest(&self) -> Option<&Snapshot> {
        self.snapshots.back()
    }

    /// The snapshots, oldest first.
    ///
    /// ```
    /// let mut history = larder_metrics::History::new(2);
    /// let registry = larder_metrics::Registry::new();
    /// (0..5).for_each(|_| history.push(registry.snapshot()));
    /// assert_eq!(history.iter().count(), 2);
    /// ```
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Snapshot> {
        self.snapshots.iter()
    }

    /// What was recorded in the `window` that ends at the newest snapshot.
    ///
    /// It begins at the last snapshot that is at least `window` older than the newest, or at the
    /// oldest; [`Snapshot::span`] says how long it came out. `None` with fewer than two snapshots.
    pub fn last(&self, window: Duration) -> Option<Snapshot> {
        let (newest, earlier) = self
            .snapshots
            .iter()
            .next_back()
            .zip(self.snapshots.len().checked_sub(2))?;
        let old_enough =
            |snapshot: &&Snapshot| newest.uptime.saturating_sub(snapshot.uptime) >= window;
        let base = self
            .snapshots
            .range(..=earlier)
            .rev()
            .find(old_enough)
            .or(self.snapshots.front())?;
        Some(newest.since(base))
    }
}
