//! [`Snapshots`]: a value refreshed in the background, with its history.
//!
//! For an answer that is slow to make and cheap to keep. One task makes it at an interval (or when
//! it is woken); everyone else reads the last one made. A refresh that fails is counted and logged,
//! and leaves the last value, whose age then tells. Knows no caches and no tiers.

mod builder;
mod values;

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use crate::clock::Clock;

pub use builder::SnapshotsBuilder;
pub use values::{RefreshHealth, Refreshed, Sample, Snapshot};

/// A value refreshed in the background, and the ring of what it was.
///
/// `T` is the value, which may be large; the ring keeps a `P` of each, which is the value itself
/// unless [`SnapshotsBuilder::history_of`] makes something smaller. Reading never waits for a
/// refresh. Cloning gives another handle.
///
/// ```
/// use larder::Snapshots;
/// let load = Snapshots::<f64>::builder("load").capacity(3).build();
/// for reading in [0.1, 0.2, 0.3, 0.4] {
///     load.update(reading);
/// }
/// assert_eq!(*load.latest().unwrap().value, 0.4);
/// assert_eq!(load.all().len(), 3);
/// ```
pub struct Snapshots<T, P = Arc<T>> {
    shared: Arc<Shared<T, P>>,
}

/// Makes what the ring keeps of a value.
type Projection<T, P> = Box<dyn Fn(&Arc<T>) -> P + Send + Sync>;

struct Shared<T, P> {
    name: String,
    interval: Duration,
    rest: Duration,
    capacity: usize,
    project: Projection<T, P>,
    latest: RwLock<Option<Snapshot<T>>>,
    ring: RwLock<VecDeque<Sample<P>>>,
    health: Mutex<RefreshHealth>,
    version: watch::Sender<u64>,
    samples: AtomicU64,
    wake: Notify,
    clock: Clock,
}

impl<T: Send + Sync + 'static> Snapshots<T> {
    /// Starts the composition of a ring of values.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::Snapshots;
    ///
    /// let load = Snapshots::<f64>::builder("load").interval(Duration::from_secs(10)).build();
    /// assert!(load.latest().is_none()); // nothing was taken yet
    /// ```
    pub fn builder(name: impl Into<String>) -> SnapshotsBuilder<T, Arc<T>> {
        SnapshotsBuilder::new(name.into())
    }
}

impl<T: Send + Sync + 'static, P: Clone + Send + Sync + 'static> Snapshots<T, P> {
    /// Takes a new value: it becomes the latest, under the next version, which is returned. The first
    /// version is 1. O(1), besides what [`SnapshotsBuilder::history_of`] does.
    ///
    /// ```
    /// # use larder::Snapshots;
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// assert_eq!(load.update(0.5), 1);
    /// assert_eq!(load.update(0.7), 2);
    /// ```
    pub fn update(&self, value: T) -> u64 {
        let shared = &*self.shared;
        let (value, timestamp, taken) = (Arc::new(value), shared.clock.wall(), shared.clock.now());
        let sample = (shared.project)(&value);
        let mut latest = shared.latest.write();
        let version = latest.as_ref().map_or(1, |last| last.version + 1);
        let age = Duration::ZERO;
        let new = Snapshot {
            value,
            version,
            timestamp,
            age,
            taken,
        };
        let last = latest.replace(new);
        let oldest = shared.push(Sample {
            timestamp,
            value: sample,
        });
        drop(latest);
        shared.version.send_replace(version);
        // Only now: what drops may read these snapshots.
        drop((last, oldest));
        version
    }

    /// Says that the latest value is still true: its age starts anew, and the ring gets a sample.
    /// Without a value this does nothing.
    ///
    /// ```
    /// # use larder::Snapshots;
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// load.update(0.5);
    /// load.confirm();
    /// assert_eq!(load.latest().unwrap().version, 1); // the same value …
    /// assert_eq!(load.all().len(), 2); // … seen twice
    /// ```
    pub fn confirm(&self) {
        let shared = &*self.shared;
        let Some(last) = self.latest() else { return };
        let (timestamp, taken) = (shared.clock.wall(), shared.clock.now());
        let sample = (shared.project)(&last.value);
        let mut latest = shared.latest.write();
        let confirmed = latest
            .as_mut()
            .filter(|latest| latest.version == last.version);
        let oldest = confirmed.and_then(|confirmed| {
            (confirmed.timestamp, confirmed.taken) = (timestamp, taken);
            shared.push(Sample {
                timestamp,
                value: sample,
            })
        });
        drop(latest);
        drop(oldest);
    }

    /// The last value, with its age. Never waits for a refresh.
    ///
    /// ```
    /// # use larder::Snapshots;
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// assert!(load.latest().is_none());
    /// load.update(0.5);
    /// assert_eq!(*load.latest().unwrap().value, 0.5);
    /// ```
    pub fn latest(&self) -> Option<Snapshot<T>> {
        let mut latest = self.shared.latest.read().clone()?;
        latest.age = self.shared.clock.now().since(latest.taken);
        Some(latest)
    }

    /// The samples from `from` to `to`, both included, oldest first. O(capacity).
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{ManualClock, Snapshots};
    ///
    /// let time = ManualClock::new();
    /// let load = Snapshots::<f64>::builder("load").clock(time.clock()).build();
    /// for reading in [0.1, 0.2, 0.3] {
    ///     load.update(reading);
    ///     time.advance(Duration::from_secs(60));
    /// }
    /// let now = time.clock().wall();
    /// assert_eq!(load.range(now - Duration::from_secs(130), now).len(), 2);
    /// ```
    pub fn range(&self, from: SystemTime, to: SystemTime) -> Vec<Sample<P>> {
        let within = |sample: &&Sample<P>| (from..=to).contains(&sample.timestamp);
        self.shared
            .ring
            .read()
            .iter()
            .filter(within)
            .cloned()
            .collect()
    }

    /// All the samples that the ring holds, oldest first. O(capacity).
    ///
    /// ```
    /// # use larder::Snapshots;
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// load.update(0.5);
    /// load.update(0.7);
    /// let values: Vec<f64> = load.all().iter().map(|sample| *sample.value).collect();
    /// assert_eq!(values, [0.5, 0.7]);
    /// ```
    pub fn all(&self) -> Vec<Sample<P>> {
        self.shared.ring.read().iter().cloned().collect()
    }

    /// How many samples the ring can hold.
    ///
    /// ```
    /// # use larder::Snapshots;
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// assert_eq!(load.capacity(), 3_600); // unless the builder was given one
    /// ```
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// How many samples were ever taken, those that the ring has dropped included.
    ///
    /// ```
    /// # use larder::Snapshots;
    /// let load = Snapshots::<f64>::builder("load").capacity(1).build();
    /// load.update(0.5);
    /// load.update(0.7);
    /// assert_eq!((load.samples_taken(), load.all().len()), (2, 1));
    /// ```
    pub fn samples_taken(&self) -> u64 {
        self.shared.samples.load(Ordering::Relaxed)
    }

    /// Time between two refreshes.
    ///
    /// ```
    /// # use larder::Snapshots;
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// assert_eq!(load.interval(), std::time::Duration::from_secs(2)); // unless the builder was given one
    /// ```
    pub fn interval(&self) -> Duration {
        self.shared.interval
    }

    /// How the refreshing goes.
    ///
    /// ```
    /// # use larder::Snapshots;
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// assert_eq!(load.health().failures, 0);
    /// ```
    pub fn health(&self) -> RefreshHealth {
        self.shared.health.lock().clone()
    }

    /// Follows the version: the receiver sees each new one, or the last of several. It is 0 before
    /// the first value.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use larder::Snapshots;
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// let mut versions = load.subscribe();
    /// load.update(0.5);
    /// load.update(0.7);
    /// versions.changed().await?;
    /// assert_eq!(*versions.borrow_and_update(), 2); // the first was passed over
    /// # Ok(()) }
    /// ```
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// Asks for a refresh before the interval is over, and does not wait for it. Calls during a
    /// refresh make one more.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # use larder::{Refreshed, Snapshots};
    /// let load = Snapshots::<f64>::builder("load")
    ///     .interval(Duration::from_secs(3_600))
    ///     .rest(Duration::ZERO)
    ///     .build();
    /// let _refresher = load.spawn(|| async { Ok::<_, String>(Refreshed::Changed(0.5)) });
    /// let mut versions = load.subscribe();
    /// versions.changed().await?; // the first refresh is made at once
    /// load.wake();
    /// versions.changed().await?; // the second does not wait for the hour to pass
    /// # Ok(()) }
    /// ```
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Refreshes now and takes the result in. A failure is counted, logged and returned as its
    /// text; the last value stays. Dropping the returned future ends the refresh: nothing is counted.
    ///
    /// # Errors
    /// The text of the refresh's own error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use larder::{Refreshed, Snapshots};
    /// # let load = Snapshots::<f64>::builder("load").build();
    /// let read = async { Ok::<_, std::io::Error>(Refreshed::Changed(0.5)) };
    /// load.refresh_with(read).await?;
    /// assert_eq!(*load.latest().unwrap().value, 0.5);
    /// # Ok(()) }
    /// ```
    pub async fn refresh_with<E: Display>(
        &self,
        refresh: impl Future<Output = Result<Refreshed<T>, E>>,
    ) -> Result<(), String> {
        let started = quanta::Instant::now();
        let result = refresh.await.map_err(|error| error.to_string());
        self.take(result, started.elapsed())
    }

    /// Refreshes at the interval, and whenever [woken](Self::wake), until the returned handle is
    /// dropped. Refreshes never overlap, and rest for a moment between two.
    ///
    /// A refresh that panics counts as one that failed.
    ///
    /// # Panics
    /// If called outside a tokio runtime.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{Refreshed, Snapshots};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let rates = Snapshots::<f64>::builder("rates").interval(Duration::from_secs(30)).build();
    /// let refresher = rates.spawn(|| async { fetch().await.map(Refreshed::Changed) });
    ///
    /// let mut versions = rates.subscribe();
    /// versions.changed().await.unwrap(); // the first refresh is done
    /// assert_eq!(*rates.latest().unwrap().value, 1.25);
    /// drop(refresher); // the refreshing ends
    /// # }
    /// # async fn fetch() -> Result<f64, std::io::Error> { Ok(1.25) }
    /// ```
    pub fn spawn<F, Fut, E>(&self, refresh: F) -> Refresher
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Refreshed<T>, E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let snapshots = self.clone();
        let refresh = Arc::new(Mutex::new(refresh));
        Refresher(tokio::spawn(async move {
            let mut interval = tokio::time::interval(snapshots.shared.interval);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = interval.tick() => {}
                    () = snapshots.shared.wake.notified() => interval.reset(),
                }
                snapshots.turn(&refresh).await;
                tokio::time::sleep(snapshots.shared.rest).await;
            }
        }))
    }

    /// One refresh, as a task of its own: whatever in it panics ends that task only.
    async fn turn<F, Fut, E>(&self, refresh: &Arc<Mutex<F>>)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Refreshed<T>, E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let started = quanta::Instant::now();
        let (snapshots, refresh) = (self.clone(), refresh.clone());
        let mut task = AbortOnDrop(tokio::spawn(async move {
            let refreshing = refresh.lock()();
            // What fails is logged and counted there; the next turn tries again.
            let _ = snapshots.refresh_with(refreshing).await;
        }));
        if let Err(error) = (&mut task.0).await {
            let _ = self.take(
                Err(format!("the refresh did not end: {error}")),
                started.elapsed(),
            );
        }
    }

    fn take(&self, result: Result<Refreshed<T>, String>, took: Duration) -> Result<(), String> {
        let outcome = match result {
            Ok(Refreshed::Changed(value)) => {
                self.update(value);
                Ok(())
            }
            Ok(Refreshed::Unchanged) => {
                self.confirm();
                Ok(())
            }
            Err(error) => {
                tracing::warn!(snapshots = self.shared.name, %error, "refresh failed; the last value stays");
                Err(error)
            }
        };
        let mut health = self.shared.health.lock();
        match &outcome {
            Ok(()) => health.refreshes += 1,
            Err(_) => health.failures += 1,
        }
        health.last_error = outcome.as_ref().err().cloned();
        health.last_duration = took;
        outcome
    }
}

impl<T, P> Shared<T, P> {
    /// Adds a sample; the one that had to go for it is the caller's to drop, outside every lock.
    fn push(&self, sample: Sample<P>) -> Option<Sample<P>> {
        let mut ring = self.ring.write();
        let oldest = if ring.len() == self.capacity {
            ring.pop_front()
        } else {
            None
        };
        ring.push_back(sample);
        self.samples.fetch_add(1, Ordering::Relaxed);
        oldest
    }
}

impl<T, P> Clone for Snapshots<T, P> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

/// Keeps a background refresh running; dropping it ends the refresh.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use larder::{Refreshed, Refresher, Snapshots};
/// struct Monitor {
///     load: Snapshots<f64>,
///     _refresher: Refresher, // the refreshing ends with the monitor
/// }
///
/// let load = Snapshots::<f64>::builder("load").build();
/// let refresher = load.spawn(|| async { Ok::<_, String>(Refreshed::Changed(0.5)) });
/// let monitor = Monitor { load, _refresher: refresher };
/// # drop(monitor.load);
/// # Ok(()) }
/// ```
#[must_use = "dropping it ends the refresh"]
pub struct Refresher(tokio::task::JoinHandle<()>);

impl Drop for Refresher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
