//! Whether the machine has slept: the clock that deadlines are read from stands still meanwhile, and
//! what was vouched for before is older than it seems.
//!
//! Seen on Linux, where one clock counts sleep and another does not.

use std::time::Duration;

/// Shorter sleeps are within what is allowed for the clock's coarseness.
const NOTICED: Duration = Duration::from_millis(5);

/// How long the machine had slept when this was looked at last.
pub(crate) struct Asleep(Duration);

impl Asleep {
    pub(crate) fn new() -> Self {
        Self(slept())
    }

    /// Whether it has slept since this was asked last.
    pub(crate) fn has_slept(&mut self) -> bool {
        self.is_longer(slept())
    }

    fn is_longer(&mut self, slept: Duration) -> bool {
        let before = std::mem::replace(&mut self.0, slept);
        slept > before + NOTICED
    }
}

/// The difference of the two clocks. They are read one after the other: if the thread was held up
/// between, they are read again.
#[cfg(target_os = "linux")]
fn slept() -> Duration {
    use rustix::time::{ClockId, Timespec, clock_gettime};
    let nanos = |time: Timespec| i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    let read = || {
        let before = nanos(clock_gettime(ClockId::Monotonic));
        let all = nanos(clock_gettime(ClockId::Boottime));
        let after = nanos(clock_gettime(ClockId::Monotonic));
        (after - before, all - before)
    };
    let readings = std::iter::repeat_with(read).take(READINGS_MAX);
    let closest = readings.min_by_key(|(took, _)| *took);
    let slept = closest.map_or(0, |(_, slept)| slept.max(0));
    Duration::from_nanos(u64::try_from(slept).unwrap_or(u64::MAX))
}

/// The clocks are read so often for one difference.
#[cfg(target_os = "linux")]
const READINGS_MAX: usize = 4;

#[cfg(not(target_os = "linux"))]
fn slept() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_was_awake_has_not_slept() {
        assert!(!Asleep::new().has_slept());
    }

    #[test]
    fn sleep_is_noticed_once() {
        let mut asleep = Asleep(Duration::from_mins(1));
        assert!(asleep.is_longer(Duration::from_secs(61)));
        assert!(!asleep.is_longer(Duration::from_secs(61)));
        assert!(!asleep.is_longer(Duration::from_secs(61) + NOTICED));
        assert!(!asleep.is_longer(Duration::ZERO));
    }
}
