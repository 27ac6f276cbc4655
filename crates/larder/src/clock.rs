//! Time, injected: every deadline in Larder is read from a [`Clock`].
//!
//! This module knows nothing of caches. Production code uses [`Clock::system`];
//! tests hold a [`ManualClock`] and advance it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// A point in monotonic time, in milliseconds since its clock's origin.
///
/// Ticks of different clocks must not be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// The clock's origin.
    pub const ZERO: Self = Self(0);
    /// Later than every tick that a clock returns: about 34 years after its origin.
    pub const NEVER: Self = Self((1 << 40) - 1);

    /// The tick `millis` milliseconds after the origin, at most [`Tick::NEVER`].
    pub const fn from_millis(millis: u64) -> Self {
        if millis < Self::NEVER.0 {
            Self(millis)
        } else {
            Self::NEVER
        }
    }

    /// Milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This tick moved later by `duration`, saturating at [`Tick::NEVER`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// How long before `self` the tick `earlier` was; zero if it was not before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A source of time: the system's, or a [`ManualClock`]'s. Cloning gives a handle to the same source.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(&'static Ticker),
    Manual(Arc<Manual>),
}

impl Clock {
    /// The process's monotonic clock, with a resolution of 10 ms.
    ///
    /// The first call starts one thread that keeps the coarse time, so that reading it costs one
    /// load of an atomic.
    pub fn system() -> Self {
        Self(Source::System(Ticker::start()))
    }

    /// Monotonic time. Never blocks; it does not follow jumps of the wall clock.
    #[inline]
    pub fn now(&self) -> Tick {
        match &self.0 {
            Source::System(ticker) => Tick(ticker.millis.load(Ordering::Relaxed)),
            Source::Manual(manual) => Tick(manual.millis.load(Ordering::Acquire)),
        }
    }

    /// Wall time, for what people read; never used for deadlines.
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Source::System(_) => SystemTime::now(),
            Source::Manual(manual) => {
                let millis = manual.wall_millis.load(Ordering::Acquire);
                SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
            }
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[derive(Debug)]
struct Ticker {
    millis: AtomicU64,
}

impl Ticker {
    fn start() -> &'static Self {
        static TICKER: OnceLock<&'static Ticker> = OnceLock::new();
        TICKER.get_or_init(|| {
            let ticker: &'static Self = Box::leak(Box::new(Self {
                millis: AtomicU64::new(0),
            }));
            let origin = Instant::now();
            std::thread::Builder::new()
                .name("larder-clock".into())
                .spawn(move || {
                    loop {
                        std::thread::sleep(Duration::from_millis(10));
                        let millis = origin.elapsed().as_millis() as u64;
                        ticker.millis.store(millis, Ordering::Relaxed);
                    }
                })
                .expect("the clock's thread starts");
            ticker
        })
    }
}

#[derive(Debug)]
struct Manual {
    millis: AtomicU64,
    wall_millis: AtomicU64,
}

/// A clock that moves only when it is told to, for tests.
///
/// ```
/// use std::time::Duration;
/// let manual = larder::ManualClock::new();
/// let clock = manual.clock();
/// let before = clock.now();
/// manual.advance(Duration::from_secs(3));
/// assert_eq!(clock.now().since(before), Duration::from_secs(3));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Manual>);

impl ManualClock {
    /// A clock at its origin, whose wall time is 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self(Arc::new(Manual {
            millis: AtomicU64::new(0),
            wall_millis: AtomicU64::new(1_767_225_600_000),
        }))
    }

    /// The clock to hand to what is tested.
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(self.0.clone()))
    }

    /// Moves monotonic and wall time on by `duration`, in whole milliseconds.
    pub fn advance(&self, duration: Duration) {
        let millis = duration.as_millis() as u64;
        self.0.millis.fetch_add(millis, Ordering::AcqRel);
        self.0.wall_millis.fetch_add(millis, Ordering::AcqRel);
    }

    /// Sets the wall clock alone, as an operator or NTP would.
    pub fn set_wall(&self, wall: SystemTime) {
        let since = wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        self.0
            .wall_millis
            .store(since.as_millis() as u64, Ordering::Release);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}
