//! When a value is fresh. Pure: durations and ticks in, a verdict out; knows no tiers and no loads.

use std::time::Duration;

use crate::clock::Tick;

/// How long values live and how long callers wait.
///
/// ```
/// use std::time::Duration;
/// use larder::Policy;
/// let policy = Policy::ttl(Duration::from_secs(300)).hard_timeout(Duration::from_secs(2));
/// assert_eq!(policy.time_to_live(), Some(Duration::from_secs(300)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    ttl: Option<Duration>,
    hard_timeout: Duration,
}

impl Policy {
    /// The longest that a caller waits for a load, unless set otherwise.
    pub const DEFAULT_HARD_TIMEOUT: Duration = Duration::from_mins(1);

    /// Values are fresh for `ttl` after they were stored, then they are gone.
    ///
    /// Zero stores nothing. Precision is a millisecond; anything past 34 years is for ever.
    pub const fn ttl(ttl: Duration) -> Self {
        Self {
            ttl: Some(ttl),
            hard_timeout: Self::DEFAULT_HARD_TIMEOUT,
        }
    }

    /// Values stay until they are evicted or invalidated.
    pub const fn forever() -> Self {
        Self {
            ttl: None,
            hard_timeout: Self::DEFAULT_HARD_TIMEOUT,
        }
    }

    /// How long a caller waits for a load before it gets [`Error::Timeout`](crate::Error::Timeout).
    /// The load itself goes on.
    #[must_use]
    pub const fn hard_timeout(mut self, wait: Duration) -> Self {
        self.hard_timeout = wait;
        self
    }

    /// The time to live, if values have one.
    pub const fn time_to_live(&self) -> Option<Duration> {
        self.ttl
    }

    pub(crate) const fn wait_limit(&self) -> Duration {
        self.hard_timeout
    }

    /// The deadline of a value stored at `now`; `own` is the value's own time to live, if it has one.
    pub(crate) fn expires_at(&self, now: Tick, own: Option<Duration>) -> Tick {
        own.or(self.ttl).map_or(Tick::NEVER, |ttl| now.after(ttl))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::forever()
    }
}
