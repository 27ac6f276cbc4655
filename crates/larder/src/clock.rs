//! Time, injected: every deadline in Larder is read from a [`Clock`].
//!
//! This module knows nothing of caches. Production code uses [`Clock::system`];
//! tests hold a [`ManualClock`] and advance it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// A point in monotonic time, in milliseconds since its clock's origin.
///
/// Ticks of different clocks must not be compared.
///
/// ```
/// use std::time::Duration;
/// use larder::Tick;
///
/// let (start, end) = (Tick::from_millis(20), Tick::from_millis(50));
/// assert!(start < end);
/// assert_eq!(end.since(start), Duration::from_millis(30));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// The clock's origin, four years before what it shows first: so what is older than the process
    /// has a tick too.
    ///
    /// ```
    /// assert_eq!(larder::Tick::ZERO.as_millis(), 0);
    /// ```
    pub const ZERO: Self = Self(0);
    /// Later than every tick that a clock returns: about 34 years after its origin.
    ///
    /// ```
    /// use larder::{Clock, Tick};
    /// assert!(Clock::system().now() < Tick::NEVER);
    /// ```
    pub const NEVER: Self = Self((1 << 40) - 1);

    /// The tick `millis` milliseconds after the origin, at most [`Tick::NEVER`].
    ///
    /// ```
    /// use larder::Tick;
    /// assert_eq!(Tick::from_millis(7).as_millis(), 7);
    /// assert_eq!(Tick::from_millis(u64::MAX), Tick::NEVER);
    /// ```
    pub const fn from_millis(millis: u64) -> Self {
        if millis < Self::NEVER.0 {
            Self(millis)
        } else {
            Self::NEVER
        }
    }

    /// Milliseconds since the origin.
    ///
    /// ```
    /// assert_eq!(larder::Tick::from_millis(7).as_millis(), 7);
    /// ```
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This tick moved later by `duration`, saturating at [`Tick::NEVER`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::Tick;
    /// assert_eq!(Tick::ZERO.after(Duration::from_secs(1)), Tick::from_millis(1_000));
    /// assert_eq!(Tick::ZERO.after(Duration::MAX), Tick::NEVER);
    /// ```
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let millis = duration.as_secs().saturating_mul(1_000);
        let millis = millis.saturating_add(u64::from(duration.subsec_millis()));
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// How long before `self` the tick `earlier` was; zero if it was not before.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::Tick;
    /// let (earlier, later) = (Tick::from_millis(10), Tick::from_millis(15));
    /// assert_eq!(later.since(earlier), Duration::from_millis(5));
    /// assert_eq!(earlier.since(later), Duration::ZERO);
    /// ```
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A source of time: the system's, or a [`ManualClock`]'s. Cloning gives a handle to the same source.
///
/// ```
/// use larder::{Clock, ManualClock};
///
/// fn is_over(clock: &Clock, deadline: larder::Tick) -> bool {
///     clock.now() >= deadline
/// }
///
/// let clock = ManualClock::new().clock(); // or `Clock::system()`
/// assert!(is_over(&clock, clock.now()));
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(&'static Ticker),
    /// The same without the thread between.
    Direct(&'static Ticker),
    Manual(Arc<Manual>),
}

impl Clock {
    /// The process's monotonic clock, with a resolution of 10 ms.
    ///
    /// The first call starts one thread that keeps the coarse time, so that reading it costs one
    /// load of an atomic.
    ///
    /// ```
    /// use larder::Clock;
    /// let clock = Clock::system();
    /// let before = clock.now();
    /// assert!(clock.now() >= before);
    /// ```
    pub fn system() -> Self {
        Self(Source::System(Ticker::start()))
    }

    /// The same clock, not read through the thread: a process that was stopped, and its thread with it,
    /// goes on with the present time and not with that of before it was stopped. Reading it costs some
    /// nanoseconds more. It too may be 10 ms late, and later where the system's ticks are: see
    /// [`exact`](Self::exact).
    pub(crate) fn direct(self) -> Self {
        match self.0 {
            Source::System(ticker) => Self(Source::Direct(ticker)),
            _ => self,
        }
    }

    /// Monotonic time. Never blocks; it does not follow jumps of the wall clock.
    ///
    /// ```
    /// use std::time::Duration;
    /// let clock = larder::Clock::system();
    /// let deadline = clock.now().after(Duration::from_secs(60));
    /// assert!(clock.now() < deadline);
    /// ```
    #[inline]
    pub fn now(&self) -> Tick {
        match &self.0 {
            Source::System(ticker) => Tick(ticker.millis.load(Ordering::Relaxed)),
            Source::Direct(ticker) => Tick(ticker.read()),
            Source::Manual(manual) => Tick(manual.millis.load(Ordering::Acquire)),
        }
    }

    /// One that stands still until it is read exactly.
    #[cfg(test)]
    pub(crate) fn standing() -> Self {
        Self(Source::System(Box::leak(Box::new(Ticker::new()))))
    }

    /// As [`now`](Self::now), and never late, which costs more.
    pub(crate) fn exact(&self) -> Tick {
        match &self.0 {
            Source::System(ticker) | Source::Direct(ticker) => Tick(ticker.since(exact_millis())),
            Source::Manual(_) => self.now(),
        }
    }

    /// Wall time, for what people read; never used for deadlines.
    ///
    /// ```
    /// let clock = larder::ManualClock::new().clock();
    /// let since_1970 = clock.wall().duration_since(std::time::UNIX_EPOCH).unwrap();
    /// assert_eq!(since_1970.as_secs(), 1_767_225_600);
    /// ```
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Source::System(_) | Source::Direct(_) => SystemTime::now(),
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

/// What a clock shows first, in milliseconds since its origin.
const START_MILLIS: u64 = 4 * 365 * 24 * 3_600 * 1_000;

#[derive(Debug)]
struct Ticker {
    millis: AtomicU64,
    /// What the system showed first.
    origin: u64,
}

impl Ticker {
    fn new() -> Self {
        Self {
            millis: AtomicU64::new(START_MILLIS),
            origin: system_millis(),
        }
    }

    fn start() -> &'static Self {
        static TICKER: OnceLock<&'static Ticker> = OnceLock::new();
        TICKER.get_or_init(|| {
            let ticker: &'static Self = Box::leak(Box::new(Self::new()));
            std::thread::Builder::new()
                .name("larder-clock".into())
                .spawn(move || {
                    loop {
                        std::thread::sleep(Duration::from_millis(10));
                        ticker.millis.store(ticker.read(), Ordering::Relaxed);
                    }
                })
                .expect("the clock's thread starts");
            ticker
        })
    }

    /// Milliseconds now.
    #[inline]
    fn read(&self) -> u64 {
        self.since(system_millis())
    }

    fn since(&self, system: u64) -> u64 {
        START_MILLIS + system.saturating_sub(self.origin)
    }
}

/// The system's monotonic time at its last tick, 1 to 10 ms apart: cheaper to read than the time now.
/// One processor counts the ticks: they stand while a hypervisor gives it no time, though others run.
#[cfg(target_os = "linux")]
#[inline]
fn system_millis() -> u64 {
    millis_of(rustix::time::ClockId::MonotonicCoarse)
}

/// The same time, now.
#[cfg(target_os = "linux")]
fn exact_millis() -> u64 {
    millis_of(rustix::time::ClockId::Monotonic)
}

#[cfg(target_os = "linux")]
#[inline]
fn millis_of(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
}

#[cfg(not(target_os = "linux"))]
fn exact_millis() -> u64 {
    system_millis()
}

#[cfg(not(target_os = "linux"))]
fn system_millis() -> u64 {
    static ORIGIN: OnceLock<quanta::Instant> = OnceLock::new();
    ORIGIN
        .get_or_init(quanta::Instant::now)
        .elapsed()
        .as_millis() as u64
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
    /// A clock that stands still, whose wall time is 2026-01-01T00:00:00Z.
    ///
    /// ```
    /// let clock = larder::ManualClock::new().clock();
    /// assert_eq!(clock.now(), clock.now());
    /// ```
    pub fn new() -> Self {
        Self(Arc::new(Manual {
            millis: AtomicU64::new(START_MILLIS),
            wall_millis: AtomicU64::new(1_767_225_600_000),
        }))
    }

    /// The clock to hand to what is tested.
    ///
    /// ```
    /// let time = larder::ManualClock::new();
    /// let (one, other) = (time.clock(), time.clock());
    /// time.advance(std::time::Duration::from_secs(1));
    /// assert_eq!(one.now(), other.now()); // both are the same clock
    /// ```
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(self.0.clone()))
    }

    /// Moves monotonic and wall time on by `duration`, in whole milliseconds.
    ///
    /// ```
    /// use std::time::Duration;
    /// let time = larder::ManualClock::new();
    /// let before = time.clock().now();
    /// time.advance(Duration::from_millis(250));
    /// assert_eq!(time.clock().now().since(before), Duration::from_millis(250));
    /// ```
    pub fn advance(&self, duration: Duration) {
        let millis = duration.as_millis() as u64;
        self.0.millis.fetch_add(millis, Ordering::AcqRel);
        self.0.wall_millis.fetch_add(millis, Ordering::AcqRel);
    }

    /// Sets the wall clock alone, as an operator or NTP would.
    ///
    /// ```
    /// use std::time::UNIX_EPOCH;
    /// let time = larder::ManualClock::new();
    /// let before = time.clock().now();
    /// time.set_wall(UNIX_EPOCH);
    /// assert_eq!(time.clock().wall(), UNIX_EPOCH);
    /// assert_eq!(time.clock().now(), before); // deadlines do not follow
    /// ```
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As after the whole process was stopped.
    #[test]
    fn read_directly_it_goes_on_while_its_thread_stands_still() {
        let begun = quanta::Instant::now();
        let through = Clock::standing();
        let direct = through.clone().direct();
        let first = through.now();
        while direct.now().since(first) < Duration::from_millis(50) {
            assert!(begun.elapsed() < Duration::from_secs(30), "it stands");
        }
        assert!(begun.elapsed() > Duration::from_millis(39), "it is ahead");
        assert_eq!(through.now(), first);
    }

    #[test]
    fn read_exactly_it_is_never_behind() {
        let clock = Clock::system().direct();
        let coarse = clock.now();
        let (exact, begun) = (clock.exact(), quanta::Instant::now());
        assert!(exact >= coarse);
        while clock.exact().since(exact) < Duration::from_millis(3) {
            assert!(begun.elapsed() < Duration::from_secs(30), "it stands");
        }
        let (before, later) = (begun.elapsed(), clock.exact());
        assert!(later.since(exact) + Duration::from_millis(1) > before);
    }

    #[test]
    fn a_manual_clock_is_read_directly_as_it_is() {
        let manual = ManualClock::new();
        let direct = manual.clock().direct();
        manual.advance(Duration::from_millis(3));
        assert_eq!(direct.now(), manual.clock().now());
    }
}
