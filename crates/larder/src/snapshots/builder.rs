//! Composition of [`Snapshots`], and nothing else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};

use super::{Projection, Shared, Snapshots};
use crate::clock::Clock;

/// Builds [`Snapshots`].
///
/// ```
/// use std::time::Duration;
/// use larder::Snapshots;
///
/// // A report of every minute for two hours, of which the ring keeps no more than the length.
/// let reports = Snapshots::<String>::builder("reports")
///     .interval(Duration::from_secs(60))
///     .capacity(120)
///     .history_of(|report| report.len())
///     .build();
/// reports.update("all is well".into());
/// assert_eq!(reports.all()[0].value, 11);
/// ```
pub struct SnapshotsBuilder<T, P> {
    name: String,
    capacity: usize,
    interval: Duration,
    rest: Duration,
    project: Projection<T, P>,
    clock: Clock,
}

impl<T: Send + Sync + 'static> SnapshotsBuilder<T, Arc<T>> {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            capacity: 3_600,
            interval: Duration::from_secs(2),
            rest: Duration::from_millis(100),
            project: Box::new(Arc::clone),
            clock: Clock::system(),
        }
    }
}

impl<T: Send + Sync + 'static, P: Clone + Send + Sync + 'static> SnapshotsBuilder<T, P> {
    /// How many samples the ring holds; 3,600 unless set, at least 1.
    ///
    /// ```
    /// use larder::Snapshots;
    /// let load = Snapshots::<f64>::builder("load").capacity(120).build();
    /// assert_eq!(load.capacity(), 120);
    /// ```
    #[must_use]
    pub fn capacity(mut self, samples: usize) -> Self {
        self.capacity = samples.max(1);
        self
    }

    /// Time between two refreshes; 2 s unless set, at least 1 ms.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::Snapshots;
    /// let load = Snapshots::<f64>::builder("load").interval(Duration::from_secs(10)).build();
    /// assert_eq!(load.interval(), Duration::from_secs(10));
    /// ```
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// The least time between the end of a refresh and the next, however often it is woken;
    /// 100 ms unless set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::Snapshots;
    /// // Woken by file notifications, which come in bursts.
    /// let files = Snapshots::<Vec<String>>::builder("files").rest(Duration::from_secs(1)).build();
    /// files.wake();
    /// ```
    #[must_use]
    pub fn rest(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// The source of time, the system's unless set. The interval itself is the runtime's.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{ManualClock, Snapshots};
    /// let time = ManualClock::new();
    /// let load = Snapshots::<f64>::builder("load").clock(time.clock()).build();
    /// load.update(0.5);
    /// time.advance(Duration::from_secs(3));
    /// assert_eq!(load.latest().unwrap().age, Duration::from_secs(3));
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// What the ring keeps of each value, instead of the value itself.
    ///
    /// ```
    /// use larder::Snapshots;
    /// let files = Snapshots::<Vec<String>>::builder("files").history_of(Vec::len).build();
    /// files.update(vec!["a.txt".into()]);
    /// assert_eq!(files.all()[0].value, 1); // the names themselves are those of the latest only
    /// ```
    #[must_use]
    pub fn history_of<H: Clone + Send + Sync + 'static>(
        self,
        project: impl Fn(&T) -> H + Send + Sync + 'static,
    ) -> SnapshotsBuilder<T, H> {
        let Self {
            name,
            capacity,
            interval,
            rest,
            clock,
            ..
        } = self;
        let project = Box::new(move |value: &Arc<T>| project(value));
        SnapshotsBuilder {
            name,
            capacity,
            interval,
            rest,
            project,
            clock,
        }
    }

    /// Builds the ring, without a value yet.
    ///
    /// ```
    /// use larder::Snapshots;
    /// let load = Snapshots::<f64>::builder("load").build();
    /// assert!(load.latest().is_none());
    /// ```
    pub fn build(self) -> Snapshots<T, P> {
        let Self {
            name,
            capacity,
            interval,
            rest,
            project,
            clock,
        } = self;
        let shared = Shared {
            name,
            interval,
            rest,
            capacity,
            project,
            latest: RwLock::default(),
            ring: RwLock::new(VecDeque::with_capacity(capacity)),
            health: Mutex::default(),
            version: watch::Sender::new(0),
            samples: AtomicU64::new(0),
            wake: Notify::new(),
            clock,
        };
        Snapshots {
            shared: Arc::new(shared),
        }
    }
}
