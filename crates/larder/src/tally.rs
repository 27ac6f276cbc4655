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
    own: Box<[Slot<N>; OWN_SLOTS]>,
    shared: Slot<N>,
}

/// Two cache lines, since processors prefetch lines in pairs.
#[repr(align(128))]
struct Slot<const N: usize>([AtomicU64; N]);

impl<const N: usize> Slot<N> {
    fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    /// For the one thread that writes to this slot.
    #[inline]
    fn add_alone(&self, i: usize, n: u64) {
        let count = self.0[i].load(Ordering::Relaxed);
        self.0[i].store(count.wrapping_add(n), Ordering::Relaxed);
    }
}

impl<const N: usize> Tally<N> {
    /// All counters at zero.
    pub(crate) fn new() -> Self {
        Self {
            own: Box::new(std::array::from_fn(|_| Slot::new())),
            shared: Slot::new(),
        }
    }

    /// Raises counter `i` by `n`. Panics if `i` is not under `N`.
    #[inline]
    pub(crate) fn add(&self, i: usize, n: u64) {
        match self.own.get(THREAD_SLOT.get()) {
            Some(slot) => slot.add_alone(i, n),
            None => self.add_without_slot(i, n),
        }
    }

    #[cold]
    fn add_without_slot(&self, i: usize, n: u64) {
        match self.own.get(assign_slot()) {
            Some(slot) => slot.add_alone(i, n),
            None => _ = self.shared.0[i].fetch_add(n, Ordering::Relaxed),
        }
    }

    /// What counter `i` has been raised by in all. Additions that run meanwhile may be in it or not.
    pub(crate) fn sum(&self, i: usize) -> u64 {
        let slots = self.own.iter().chain([&self.shared]);
        slots.map(|slot| slot.0[i].load(Ordering::Relaxed)).sum()
    }
}

thread_local! {
    /// Without a destructor, so that reading it is one load, at a thread's end too.
    static THREAD_SLOT: Cell<usize> = const { Cell::new(UNASSIGNED) };
    static LEASE: Lease = const { Lease };
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

/// The thread's slot, given now if it had none yet.
fn assign_slot() -> usize {
    if THREAD_SLOT.get() == UNASSIGNED {
        let mut free = FREE_SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = free.returned.pop().or_else(|| free.unused.next());
        drop(free);
        THREAD_SLOT.set(slot.unwrap_or(SHARED));
        if LEASE.try_with(|_| ()).is_err() {
            give_back();
        }
    }
    THREAD_SLOT.get()
}

/// The next thread that takes the number sees, by the lock, all that this one stored.
fn give_back() {
    let slot = THREAD_SLOT.replace(SHARED);
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
