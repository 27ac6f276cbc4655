//! Until when this process may trust what it holds of a store that others write to.
//!
//! The gate is open while the store's server has vouched that every change was told. When the
//! connection ends, an epoch does: what was held before is suspect from then on, by its number.
//! Knows no connections, keys or values.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, Tick};

/// The number of an entry that may not be served before it was compared with the store.
pub(crate) const SUSPECT: u64 = 0;

/// The share of X by which a clock may be late before the gate's end is missed.
const DOUBTS_AN_X: u64 = 4;

pub(crate) struct Gate {
    /// Milliseconds before its end within which the time is read exactly.
    doubt: u64,
    /// Milliseconds of a tick; 0 is closed.
    open_until: AtomicU64,
    epoch: AtomicU64,
    /// What has a lower number is suspect.
    floor: AtomicU64,
    /// Whether it was opened in this epoch. Locked for opening and ending, one at a time.
    was_opened: Mutex<bool>,
}

impl Gate {
    /// Closed; `staleness` is the promise's X.
    pub(crate) fn new(staleness: Duration) -> Self {
        Self {
            doubt: staleness.as_millis() as u64 / DOUBTS_AN_X,
            open_until: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            floor: AtomicU64::new(SUSPECT + 1),
            was_opened: Mutex::new(false),
        }
    }

    /// To be asked *before* a look at what is held: what was told while the caller slept between the
    /// two has changed it.
    #[inline]
    pub(crate) fn is_open(&self, now: Tick) -> bool {
        now.as_millis() < self.open_until.load(Ordering::Acquire)
    }

    /// As [`is_open`](Self::is_open), however late `now` was read off the clock: near the gate's end the
    /// time is read again, exactly. While heartbeats are answered that end is far off.
    #[inline]
    pub(crate) fn is_open_by(&self, clock: &Clock, now: Tick) -> bool {
        now.as_millis() + self.doubt < self.open_until.load(Ordering::Acquire)
            || self.is_open(clock.exact())
    }

    #[inline]
    pub(crate) fn floor(&self) -> u64 {
        self.floor.load(Ordering::Acquire)
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Opens until `until`, if that is later and `epoch` is not over. `mint` gives a number above those
    /// of all that began before: nobody has told what happened between the epoch's beginning and its
    /// first opening, so what began then is as suspect as what is older. Returns whether this was that
    /// opening.
    pub(crate) fn open(&self, epoch: u64, until: Tick, mint: impl FnOnce() -> u64) -> bool {
        let mut was_opened = self.was_opened.lock();
        if self.epoch() != epoch {
            return false;
        }
        let is_first = !std::mem::replace(&mut *was_opened, true);
        if is_first {
            self.floor.fetch_max(mint(), Ordering::AcqRel);
        }
        self.open_until
            .fetch_max(until.as_millis(), Ordering::AcqRel);
        is_first
    }

    /// Closes, and ends the epoch. `mint` gives a number above those of all that was stored before:
    /// it is asked after the epoch's end, and who stores mints before it looks at the epoch.
    pub(crate) fn end(&self, mint: impl FnOnce() -> u64) {
        let mut was_opened = self.was_opened.lock();
        *was_opened = false;
        self.open_until.store(0, Ordering::Release);
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.floor.fetch_max(mint(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As where the processor that counts the system's ticks has no time.
    #[test]
    fn a_clock_that_stands_does_not_keep_it_open() {
        let (gate, clock) = (Gate::new(Duration::from_secs(1)), Clock::standing());
        let now = clock.now();
        let until = now.after(Duration::from_millis(50));
        assert!(gate.open(gate.epoch(), until, || 1));
        let begun = std::time::Instant::now();
        while gate.is_open_by(&clock, now) {
            assert!(begun.elapsed() < Duration::from_secs(30), "it stays open");
        }
        assert!(begun.elapsed() > Duration::from_millis(40));
        assert_eq!(clock.now(), now);
    }

    #[test]
    fn far_from_its_end_it_needs_no_exact_time() {
        let gate = Gate::new(Duration::from_secs(1));
        let clock = crate::ManualClock::new();
        let now = clock.clock().now();
        gate.open(gate.epoch(), now.after(Duration::from_millis(300)), || 1);
        clock.advance(Duration::from_millis(400));
        assert!(gate.is_open_by(&clock.clock(), now));
        let late = now.after(Duration::from_millis(50));
        assert!(!gate.is_open_by(&clock.clock(), late));
    }
}
