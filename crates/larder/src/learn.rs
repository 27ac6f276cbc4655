//! What a cache learns of its keys from a sample of its gets: which gets are looked at, and how many
//! at most.
//!
//! Keys are sampled in space: always the same, chosen by their hash, one in a power of two (SHARDS,
//! Waldspurger and others, "Efficient MRC construction with SHARDS", FAST 2015); so what is seen of a
//! sampled key is all that happens to it. What looking costs is bounded by a [`Budget`]. Keys are known
//! by their hash here; values, tiers and policies are not known at all.

mod facts;
mod figures;
mod hot;
mod loads;
mod slow;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Tick;

pub(crate) use facts::{Facts, Life, prefix_of};
pub use figures::{
    CurvePoint, HotKey, KeyFigures, KeyPrefix, Learned, MissCauses, Reloads, Repeats, WhatIf,
};
pub(crate) use hot::HotKeys;
pub(crate) use loads::{Ended, Loads, TOOK_MIN, key_everywhere};
pub use loads::{LoadCause, RecentLoad, RecentLoads};
pub(crate) use slow::SlowLoads;

/// Which keys are sampled: those whose hash has none of these bits.
pub(crate) struct Mask(AtomicU64);

impl Mask {
    /// Nothing is sampled.
    pub(crate) const fn closed() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    /// One key in 2 to the power of `shift`.
    pub(crate) fn open(&self, shift: u32) {
        self.0.store((1 << shift) - 1, Ordering::Relaxed);
    }

    pub(crate) fn close(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }

    /// Whether what happens to the key of this hash is to be looked at: a load, an `and`, a branch.
    #[inline]
    pub(crate) fn takes(&self, hash: u64) -> bool {
        hash & self.0.load(Ordering::Relaxed) == 0
    }
}

/// What looking at one event of a sampled key costs; a timed get earns 1. As one get in 64 is timed, one
/// in 1,024 may be looked at however busy the cache is.
const PRICE: u64 = 16;
/// Earned each millisecond besides: what a cache that is not busy does is all seen.
const EARNED_A_MILLI: u64 = 2 * PRICE;
/// The most that is saved up.
const SAVED_MAX: u64 = 4_096 * PRICE;
/// What looking begins with again when all was spent.
const ENOUGH: u64 = 1_024 * PRICE;

/// How many events may be looked at.
pub(crate) struct Budget {
    left: u64,
    earned_at: Tick,
}

impl Budget {
    /// The events that looking is begun with again.
    pub(crate) const ENOUGH_EVENTS: u64 = ENOUGH / PRICE;

    /// All that can be saved up.
    pub(crate) const fn full(now: Tick) -> Self {
        Self {
            left: SAVED_MAX,
            earned_at: now,
        }
    }

    /// Earns for so many timed gets, and for the time since it last earned.
    pub(crate) fn earn(&mut self, timed: u64, now: Tick) {
        let millis = now.as_millis().saturating_sub(self.earned_at.as_millis());
        self.earned_at = now;
        let earned = timed.saturating_add(millis.saturating_mul(EARNED_A_MILLI));
        self.left = self.left.saturating_add(earned).min(SAVED_MAX);
    }

    /// Pays for one event; false where that was the last.
    pub(crate) fn spend(&mut self) -> bool {
        self.left = self.left.saturating_sub(PRICE);
        self.left >= PRICE
    }

    pub(crate) const fn is_enough(&self) -> bool {
        self.left >= ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_mask_takes_one_key_in_so_many_and_none_when_closed() {
        let mask = Mask::closed();
        let taken = |mask: &Mask| (1..=4_096_u64).filter(|&hash| mask.takes(hash)).count();
        assert_eq!(taken(&mask), 0);
        mask.open(0);
        assert_eq!(taken(&mask), 4_096);
        mask.open(6);
        assert_eq!(taken(&mask), 64);
        mask.close();
        assert_eq!(taken(&mask), 0);
    }

    #[test]
    fn a_budget_lasts_for_what_it_holds_and_earns_by_gets_and_by_time() {
        let mut budget = Budget::full(Tick::ZERO);
        let lasted = |budget: &mut Budget| 1 + (0..10_000).take_while(|_| budget.spend()).count();
        assert_eq!(lasted(&mut budget), 4_096);
        budget.earn(1_023 * PRICE, Tick::ZERO);
        assert!(!budget.is_enough());
        budget.earn(PRICE, Tick::ZERO);
        assert!(budget.is_enough());
        assert_eq!(lasted(&mut budget), 1_024);
        budget.earn(0, Tick::ZERO.after(Duration::from_secs(1)));
        assert_eq!(lasted(&mut budget), 2_000);
        budget.earn(u64::MAX, Tick::NEVER);
        assert_eq!(lasted(&mut budget), 4_096);
    }
}
