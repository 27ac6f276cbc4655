//! What readers of [`Snapshots`](super::Snapshots) get, and what a refresh gives.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock::Tick;

/// The last value, with its age at the time of the call.
///
/// ```
/// use larder::Snapshots;
///
/// let load = Snapshots::<f64>::builder("load").build();
/// load.update(0.5);
/// let latest = load.latest().expect("there is a value");
/// assert_eq!((*latest.value, latest.version), (0.5, 1));
/// println!("{} as of {:?} ago", latest.value, latest.age);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot<T> {
    /// The value.
    pub value: Arc<T>,
    /// Rises by one whenever the value changes; unchanged refreshes leave it.
    pub version: u64,
    /// When it was last known to be true: the end of the last refresh that worked.
    pub timestamp: SystemTime,
    /// Time since then, by the monotonic clock.
    pub age: Duration,
    pub(super) taken: Tick,
}

impl<T> Clone for Snapshot<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            ..*self
        }
    }
}

/// What the ring keeps of one refresh.
///
/// ```
/// # use larder::Snapshots;
/// # let load = Snapshots::<f64>::builder("load").build();
/// load.update(0.5);
/// let sample = &load.all()[0];
/// println!("{:?}: {}", sample.timestamp, sample.value);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample<P> {
    /// When the refresh ended, by the wall clock.
    pub timestamp: SystemTime,
    /// What was kept of it.
    pub value: P,
}

/// What a refresh found.
///
/// ```
/// use larder::Refreshed;
///
/// /// Reads the file again only if it has changed.
/// fn refresh(seen: &mut u64, changed: u64) -> Result<Refreshed<String>, std::io::Error> {
///     if *seen == changed {
///         return Ok(Refreshed::Unchanged);
///     }
///     *seen = changed;
///     Ok(Refreshed::Changed("the text".into()))
/// }
/// assert!(matches!(refresh(&mut 1, 1), Ok(Refreshed::Unchanged)));
/// ```
#[derive(Debug)]
pub enum Refreshed<T> {
    /// A new value.
    Changed(T),
    /// The last value is still true.
    Unchanged,
}

/// How the refreshing goes.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use larder::Snapshots;
/// # let load = Snapshots::<f64>::builder("load").build();
/// let down = async { Err(std::io::Error::other("no route")) };
/// assert!(load.refresh_with(down).await.is_err());
/// let health = load.health();
/// assert_eq!((health.refreshes, health.failures), (0, 1));
/// assert_eq!(health.last_error.as_deref(), Some("no route"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshHealth {
    /// Refreshes that worked.
    pub refreshes: u64,
    /// Refreshes that failed or panicked.
    pub failures: u64,
    /// Why the last refresh failed; `None` once one works again.
    pub last_error: Option<String>,
    /// How long the last refresh took.
    pub last_duration: Duration,
}
