//! Until when this process may trust what it holds of a store that others write to.
//!
//! The gate is open while the store's server has vouched that every change was told. When the
//! connection ends, an epoch does: what was held before is suspect from then on, by its number.
//! Knows no connections, keys or values.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::Tick;

/// The number of an entry that may not be served before it was compared with the store.
pub(crate) const SUSPECT: u64 = 0;

#[derive(Default)]
pub(crate) struct Gate {
    /// Milliseconds of a tick; 0 is closed.
    open_until: AtomicU64,
    epoch: AtomicU64,
    /// What has a lower number is suspect.
    floor: AtomicU64,
    /// Whether it was opened in this epoch. Locked for opening and ending, one at a time.
    was_opened: Mutex<bool>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let gate = Self::default();
        gate.floor.store(SUSPECT + 1, Ordering::Release);
        gate
    }

    /// To be asked *before* a look at what is held: what was told while the caller slept between the
    /// two has changed it.
    #[inline]
    pub(crate) fn is_open(&self, now: Tick) -> bool {
        now.as_millis() < self.open_until.load(Ordering::Acquire)
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
