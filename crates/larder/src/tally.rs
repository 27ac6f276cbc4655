//! Counters that many threads raise without meeting: each thread writes a slot of its own.
//!
//! This module must not know what is counted.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Threads with a slot of their own; those past it share one.
const OWN_SLOTS: usize = 64;
const SHARED: usize = OWN_SLOTS;
const UNASSIGNED: usize = usize::MAX;

/// `N` counters, exact under any number of threads, that cost a plain load and store to raise on
/// the first 64 threads and an atomic addition on those past them.
///
/// It takes about `65 × max(128, 8 × N)` bytes.
pub(crate) struct Tally<const N: usize> {
    slots: Box<[Slot<N>]>,
}

/// Two cache lines, since processors prefetch lines in pairs.
#[repr(align(128))]
struct Slot<const N: usize>([AtomicU64; N]);

impl<const N: usize> Tally<N> {
    /// All counters at zero.
    pub(crate) fn new() -> Self {
        let slot = |_| Slot([const { AtomicU64::new(0) }; N]);
        Self {
            slots: (0..=OWN_SLOTS).map(slot).collect(),
        }
    }

    /// Raises counter `i` by `n`. Panics if `i` is not under `N`.
    #[inline]
    pub(crate) fn add(&self, i: usize, n: u64) {
        let slot = thread_slot();
        let counter = &self.slots[slot].0[i];
        if slot == SHARED {
            counter.fetch_add(n, Ordering::Relaxed);
        } else {
            let count = counter.load(Ordering::Relaxed);
            counter.store(count.wrapping_add(n), Ordering::Relaxed);
        }
    }

    /// What counter `i` has been raised by in all. Additions that run meanwhile may be in it or not.
    pub(crate) fn sum(&self, i: usize) -> u64 {
        self.slots
            .iter()
            .map(|slot| slot.0[i].load(Ordering::Relaxed))
            .sum()
    }
}

thread_local! {
    /// Without a destructor, so that reading it is one load, at a thread's end too.
    static SLOT: Cell<usize> = const { Cell::new(UNASSIGNED) };
    static LEASE: Lease = const { Lease };
}

#[inline]
fn thread_slot() -> usize {
    let slot = SLOT.get();
    if slot == UNASSIGNED {
        assign_slot()
    } else {
        slot
    }
}

/// The numbers of slots that no thread holds.
struct FreeSlots {
    returned: Vec<usize>,
    unused: std::ops::Range<usize>,
}

static FREE_SLOTS: Mutex<FreeSlots> = Mutex::new(FreeSlots {
    returned: Vec::new(),
    unused: 0..OWN_SLOTS,
});

#[cold]
fn assign_slot() -> usize {
    let mut free = FREE_SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = free
        .returned
        .pop()
        .or_else(|| free.unused.next())
        .unwrap_or(SHARED);
    drop(free);
    SLOT.set(slot);
    if LEASE.try_with(|_| ()).is_err() {
        give_back();
    }
    SLOT.get()
}

/// The next thread that takes the number sees, by the lock, all that this one stored.
fn give_back() {
    let slot = SLOT.replace(SHARED);
    if slot < OWN_SLOTS {
        FREE_SLOTS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .returned
            .push(slot);
    }
}

/// Gives a thread's slot back when the thread ends.
struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    /// I1
    #[test]
    fn counts_of_64_threads_are_exact() {
        count_with(64);
    }

    #[test]
    fn threads_past_the_slots_count_exactly_too() {
        count_with(100);
    }

    #[test]
    fn threads_that_follow_each_other_reuse_slots_and_lose_nothing() {
        let tally = Tally::<1>::new();
        for _ in 0..200 {
            std::thread::scope(|scope| {
                scope.spawn(|| tally.add(0, 3));
            });
        }
        assert_eq!(tally.sum(0), 600);
    }

    fn count_with(threads: u64) {
        let tally = Tally::<3>::new();
        let start = Barrier::new(threads as usize);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..10_000 {
                        tally.add(0, 1);
                        tally.add(2, 2);
                    }
                });
            }
        });
        assert_eq!(
            (tally.sum(0), tally.sum(1), tally.sum(2)),
            (threads * 10_000, 0, threads * 20_000)
        );
    }
}
