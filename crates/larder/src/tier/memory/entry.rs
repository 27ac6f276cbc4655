//! What the memory tier keeps for a value, packed: 24 bytes beside the key and the value.
//!
//! This module must not know the table or the queues that entries stand in.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Tick;

/// What is known of a value beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// From the namespace's counter, under `u64::MAX`; also the stamp that invalidations are compared with.
    pub(crate) version: u64,
    /// When the value was made.
    pub(crate) created: Tick,
    /// From this tick on the value is stale.
    pub(crate) fresh_until: Tick,
    /// From this tick on the value is gone.
    pub(crate) expires_at: Tick,
}

const TICK_BITS: u32 = 40;
const TICK_MASK: u64 = (1 << TICK_BITS) - 1;
/// Bits of `fresh_until` that stand beside `created`; the others stand beside `expires_at`.
const FRESH_LOW_BITS: u32 = 64 - TICK_BITS;
const FRESH_HIGH_BITS: u32 = TICK_BITS - FRESH_LOW_BITS;
const USE_SHIFT: u32 = FRESH_HIGH_BITS + TICK_BITS;
const USE_ONE: u64 = 1 << USE_SHIFT;
const USE_MASK: u64 = MAX_USES << USE_SHIFT;
const IN_MAIN: u64 = 1 << 63;

/// Uses are counted up to this.
pub(super) const MAX_USES: u64 = 3;

pub(super) struct Entry<K, V> {
    pub(super) key: K,
    pub(super) value: V,
    /// One more than the version: the zero that it never is marks an empty slot.
    version: NonZeroU64,
    /// `created`, then the low bits of `fresh_until`.
    made: u64,
    /// The high bits of `fresh_until`, `expires_at`, the use counter, the queue's bit. Under a read
    /// lock only the counter changes, and a count may get lost: all writers agree on the other bits.
    ends: AtomicU64,
}

impl<K, V> Entry<K, V> {
    /// An entry of the small queue, not used yet.
    pub(super) fn new(key: K, value: V, meta: &Meta) -> Self {
        let (version, made, ends) = pack(meta);
        Self {
            key,
            value,
            version,
            made,
            ends: AtomicU64::new(ends),
        }
    }

    /// Puts another value in; the queue and the count of uses stay.
    pub(super) fn replace(&mut self, value: V, meta: &Meta) -> V {
        let (version, made, ends) = pack(meta);
        (self.version, self.made) = (version, made);
        let kept = *self.ends.get_mut() & (USE_MASK | IN_MAIN);
        *self.ends.get_mut() = ends | kept;
        std::mem::replace(&mut self.value, value)
    }

    #[inline]
    pub(super) fn meta(&self) -> Meta {
        let ends = self.ends.load(Ordering::Relaxed);
        let fresh_high = ends & ((1 << FRESH_HIGH_BITS) - 1);
        Meta {
            version: self.version.get() - 1,
            created: Tick::from_millis(self.made & TICK_MASK),
            fresh_until: Tick::from_millis(self.made >> TICK_BITS | fresh_high << FRESH_LOW_BITS),
            expires_at: Tick::from_millis(ends >> FRESH_HIGH_BITS & TICK_MASK),
        }
    }

    #[inline]
    pub(super) fn expires_at(&self) -> Tick {
        Tick::from_millis(self.ends.load(Ordering::Relaxed) >> FRESH_HIGH_BITS & TICK_MASK)
    }

    /// Counts a use. An entry in steady use is not written to.
    #[inline]
    pub(super) fn count_use(&self) {
        let ends = self.ends.load(Ordering::Relaxed);
        if ends & USE_MASK != USE_MASK {
            self.ends.store(ends + USE_ONE, Ordering::Relaxed);
        }
    }

    pub(super) fn uses(&mut self) -> u64 {
        (*self.ends.get_mut() & USE_MASK) >> USE_SHIFT
    }

    /// Takes one use away; false if there was none.
    pub(super) fn spend_use(&mut self) -> bool {
        let used = self.uses() > 0;
        if used {
            *self.ends.get_mut() -= USE_ONE;
        }
        used
    }

    pub(super) fn is_in_main(&mut self) -> bool {
        *self.ends.get_mut() & IN_MAIN != 0
    }

    /// Notes that the entry stands in the main queue now, its uses to be counted anew.
    pub(super) fn enter_main(&mut self) {
        let ends = self.ends.get_mut();
        *ends = *ends & !USE_MASK | IN_MAIN;
    }
}

fn pack(meta: &Meta) -> (NonZeroU64, u64, u64) {
    let version = NonZeroU64::MIN.saturating_add(meta.version);
    let fresh = meta.fresh_until.as_millis() & TICK_MASK;
    let made = meta.created.as_millis() & TICK_MASK | fresh << TICK_BITS;
    let expires = meta.expires_at.as_millis().min(TICK_MASK);
    (
        version,
        made,
        fresh >> FRESH_LOW_BITS | expires << FRESH_HIGH_BITS,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_of_two_words_takes_40_bytes_in_its_slot() {
        assert_eq!(size_of::<Option<Entry<u64, u64>>>(), 40);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            version in 0..u64::MAX, created in 0..=TICK_MASK, fresh in 0..=TICK_MASK, expires in 0..=TICK_MASK,
            uses in 0..6_u64,
        ) {
            let tick = Tick::from_millis;
            let meta = Meta {
                version, created: tick(created), fresh_until: tick(fresh), expires_at: tick(expires),
            };
            let mut entry = Entry::new((), 1, &meta);
            entry.enter_main();
            for _ in 0..uses {
                entry.count_use();
            }
            prop_assert_eq!(entry.meta(), meta);
            prop_assert_eq!(entry.expires_at(), meta.expires_at);
            let later = Meta { version: version / 2, created: tick(expires), ..meta };
            entry.replace(2, &later);
            prop_assert_eq!(entry.meta(), later);
            prop_assert_eq!((entry.uses(), entry.is_in_main()), (uses.min(MAX_USES), true));
        }
    }
}
