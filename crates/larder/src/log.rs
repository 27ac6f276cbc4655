//! The invalidation log: which stored values an invalidation of many has made invalid.
//!
//! One counter numbers invalidations and stored values alike, so "was this value stored after the
//! last `clear`?" is one comparison. Knows no keys' values, no tiers and no flights.

use std::sync::atomic::{AtomicU64, Ordering};

/// A namespace's invalidations, numbered.
///
/// # Why a publisher mints first and asks afterwards
/// A publisher that asked first could be overtaken: asked (unfenced), *clear runs whole*, minted a
/// number above the clear's, stored the old value as if it were newer. It therefore mints, then
/// asks. A clear in progress is announced in `pending` before it takes its number: whoever mints a
/// number above it has synchronised with that announcement and sees either it or the clear's end.
#[derive(Debug, Default)]
pub(crate) struct InvalidationLog {
    number: AtomicU64,
    all: AtomicU64,
    pending: AtomicU64,
}

impl InvalidationLog {
    /// The number to capture before a load starts.
    pub(crate) fn stamp(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// A new number, for a value about to be stored.
    pub(crate) fn mint(&self) -> u64 {
        self.number.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Makes every value with an earlier number invalid. O(1).
    pub(crate) fn invalidate_all(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
        let number = self.mint();
        self.all.fetch_max(number, Ordering::AcqRel);
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }

    /// The number of the last invalidation of all: a value is valid if its own is higher.
    #[inline]
    pub(crate) fn floor(&self) -> u64 {
        self.all.load(Ordering::Acquire)
    }

    /// Whether what was read since `stamp` may be stored under a number minted before this call.
    pub(crate) fn is_unfenced(&self, stamp: u64) -> bool {
        self.pending.load(Ordering::Acquire) == 0 && self.floor() <= stamp
    }
}
