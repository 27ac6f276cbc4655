//! When keys were last written, by their hash: what tells whether a value read earlier may still be
//! stored, where no flight stands for the reading.
//!
//! Two keys of one stripe count as one: a value is then refused without need, never kept without
//! right. Knows no keys and no values.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const STRIPES: usize = 65_536;

/// The number of the last write in each of 65,536 stripes; 512 KiB from the first use on.
#[derive(Default)]
pub(crate) struct Stripes(OnceLock<Box<[AtomicU64]>>);

impl Stripes {
    /// From now on writes are noted. Must be called before the number is taken that
    /// [`last`](Self::last) will be compared with.
    pub(crate) fn begin(&self) {
        self.0
            .get_or_init(|| (0..STRIPES).map(|_| AtomicU64::new(0)).collect());
    }

    /// Notes a write under a number that is taken now, in the midst of it: above that of every fence
    /// that was taken before.
    #[inline]
    pub(crate) fn note(&self, hash: u64, number: impl FnOnce() -> u64) {
        if let Some(stripes) = self.0.get() {
            stripes[hash as usize % STRIPES].fetch_max(number(), Ordering::AcqRel);
        }
    }

    /// The number of the last write in the hash's stripe.
    pub(crate) fn last(&self, hash: u64) -> u64 {
        let stripes = self.0.get();
        stripes.map_or(0, |stripes| {
            stripes[hash as usize % STRIPES].load(Ordering::Acquire)
        })
    }
}
