//! Time, injected: timers and snapshots read every instant from a [`Clock`].
//!
//! This module knows nothing of metrics. Production code uses [`Clock::system`]; tests hold a
//! [`ManualClock`] and advance it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// A source of time: the system's, or a [`ManualClock`]'s. Cloning gives a handle to the same source.
///
/// ```
/// use larder_metrics::{Clock, Limits, Registry};
/// let registry = Registry::with(Limits::default(), Clock::system());
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System {
        counter: quanta::Clock,
        origin: Instant,
    },
    Manual(Arc<AtomicU64>),
}

/// A reading of a [`Clock`], in its own unit; only [`Clock::nanos_between`] gives it a meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading(u64);

impl Reading {
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    pub(crate) const fn raw(self) -> u64 {
        self.0
    }
}

impl Clock {
    /// The machine's clocks: the processor's counter for timers where it is steady, the operating
    /// system's monotonic clock otherwise and for uptimes.
    ///
    /// The process's first call measures the processor's counter, which blocks for up to 200 ms.
    pub fn system() -> Self {
        // Asking the processor for its features takes tens of microseconds in a virtual machine.
        static COUNTER: OnceLock<quanta::Clock> = OnceLock::new();
        let counter = COUNTER.get_or_init(quanta::Clock::new).clone();
        Self(Source::System {
            counter,
            origin: Instant::now(),
        })
    }

    /// The instant that a timer starts or ends at; a few nanoseconds on most machines.
    #[inline]
    pub(crate) fn read(&self) -> Reading {
        match &self.0 {
            Source::System { counter, .. } => Reading(counter.raw()),
            Source::Manual(nanos) => Reading(nanos.load(Ordering::Acquire)),
        }
    }

    /// Nanoseconds from `start` to `end`; zero if `end` is not later.
    #[inline]
    pub(crate) fn nanos_between(&self, start: Reading, end: Reading) -> u64 {
        match &self.0 {
            Source::System { counter, .. } => counter.delta_as_nanos(start.0, end.0),
            Source::Manual(_) => end.0.saturating_sub(start.0),
        }
    }

    /// Monotonic time since this clock was made; unlike readings, it does not drift.
    pub(crate) fn uptime(&self) -> Duration {
        match &self.0 {
            Source::System { origin, .. } => origin.elapsed(),
            Source::Manual(nanos) => Duration::from_nanos(nanos.load(Ordering::Acquire)),
        }
    }

    /// Wall time, for what people read.
    pub(crate) fn wall(&self) -> SystemTime {
        match &self.0 {
            Source::System { .. } => SystemTime::now(),
            Source::Manual(_) => ManualClock::wall_origin() + self.uptime(),
        }
    }

    /// The wall time at an earlier reading.
    pub(crate) fn wall_at(&self, reading: Reading) -> SystemTime {
        self.wall() - Duration::from_nanos(self.nanos_between(reading, self.read()))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// A clock that moves only when it is told to, for tests.
///
/// ```
/// use larder_metrics::{Limits, ManualClock, Registry};
/// use std::time::Duration;
///
/// let manual = ManualClock::new();
/// let registry = Registry::with(Limits::default(), manual.clock());
/// let loads = registry.timing("loads")?;
/// let timer = loads.start();
/// manual.advance(Duration::from_millis(15));
/// assert_eq!(timer.stop(), Duration::from_millis(15));
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock at its origin, whose wall time is 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::default()
    }

    /// The clock to hand to what is tested.
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(self.0.clone()))
    }

    /// 2026-01-01T00:00:00Z.
    fn wall_origin() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(490_896)
    }

    /// Moves monotonic and wall time on by `duration`; the clock holds 584 years.
    pub fn advance(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::AcqRel);
    }
}
