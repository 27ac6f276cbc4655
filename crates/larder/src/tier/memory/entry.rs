//! What the memory tier keeps for a value, packed: 24 bytes beside the key and the value, and a few
//! more where a note or a cost is given.
//!
//! This module must not know the table or the queues that entries stand in.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cost::Cost;
use super::departed::Cause;
use crate::clock::Tick;

/// What is known of a value beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// From the namespace's counter, under 2^63 - 1; also the stamp that invalidations are compared with.
    pub(crate) version: u64,
    /// When the value was made.
    pub(crate) created: Tick,
    /// From this tick on the value is stale.
    pub(crate) fresh_until: Tick,
    /// From this tick on the value is gone.
    pub(crate) expires_at: Tick,
    /// A number of the caller's, 0 for none.
    pub(crate) note: u32,
    /// How long it took to load.
    pub(crate) cost: Cost,
    /// Whether a look at the entry is to be told: [`get_fresh`](super::Memory::get_fresh) leaves it to
    /// [`get`](super::Memory::get).
    pub(crate) is_watched: bool,
}

/// What an entry must be above to be alive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar {
    pub(crate) now: Tick,
    /// An entry with a version under this is invalid.
    pub(crate) floor: u64,
}

const TICK_BITS: u32 = 40;
const TICK_MASK: u64 = (1 << TICK_BITS) - 1;
/// Bits of `expires_at` that stand beside `created`; the others stand beside `fresh_until`.
const EXPIRES_LOW_BITS: u32 = 64 - TICK_BITS;
const EXPIRES_HIGH_BITS: u32 = TICK_BITS - EXPIRES_LOW_BITS;
const EXPIRES_HIGH_MASK: u64 = (1 << EXPIRES_HIGH_BITS) - 1;
const USE_SHIFT: u32 = TICK_BITS + EXPIRES_HIGH_BITS;
const USE_ONE: u64 = 1 << USE_SHIFT;
const USE_MASK: u64 = MAX_USES << USE_SHIFT;
const FREQUENCY_SHIFT: u32 = USE_SHIFT + 2;
const FREQUENCY_ONE: u64 = 1 << FREQUENCY_SHIFT;
const FREQUENCY_MASK: u64 = MAX_FREQUENCY << FREQUENCY_SHIFT;
/// The entry is gone at `fresh_until`, and a hit moves that on.
const IDLES: u64 = 1 << 62;
const IN_MAIN: u64 = 1 << 63;
/// Beside the version, where the entry is not watched: so one that is lies under every horizon.
const UNWATCHED: u64 = 1 << 63;
/// A hit moves an idle deadline on only by more than one part in this many of the time to idle.
const IDLE_PARTS: u64 = 16;

/// Uses are counted up to this.
pub(super) const MAX_USES: u64 = 3;
/// Frequencies are counted up to this.
pub(super) const MAX_FREQUENCY: u64 = 7;

/// What a hit on a fresh value needs: 16 bytes beside the key and the value.
pub(super) struct Entry<K, V> {
    pub(super) key: K,
    pub(super) value: V,
    /// One more than the version, and a bit for those that are not watched. The zero that it never is
    /// marks an empty slot.
    version: NonZeroU64,
    /// `fresh_until`, the high bits of `expires_at`, the use counter, the frequency, whether it idles,
    /// the queue's bit. Under a read lock only the use counter changes, and a count may get lost: all
    /// writers agree on the other bits. In an entry that idles `fresh_until` changes too, and nothing is lost.
    state: AtomicU64,
}

/// What a hit on a fresh value does not need.
#[derive(Clone, Copy, Default)]
pub(super) struct Cold {
    /// `created`, and the low bits of `expires_at`.
    pub(super) times: u64,
    pub(super) note: u32,
    pub(super) cost: u8,
}

impl<K, V> Entry<K, V> {
    /// An entry of the small queue, not used yet. A value is not fresh for longer than it lives; and one
    /// that `idles` lives no longer than it is fresh.
    #[inline]
    pub(super) fn new(key: K, value: V, meta: &Meta, idles: bool) -> (Self, Cold) {
        let (version, state, cold) = pack(meta);
        let state = state | if idles { IDLES } else { 0 };
        (
            Self {
                key,
                value,
                version,
                state: AtomicU64::new(state),
            },
            cold,
        )
    }

    /// Takes over the value and the times of a new entry of the same key; the queue and the counts stay.
    /// Returns that entry's key, and the former value.
    pub(super) fn replace(&mut self, new: Self) -> (K, V) {
        let kept = *self.state.get_mut() & (USE_MASK | FREQUENCY_MASK | IN_MAIN);
        self.version = new.version;
        *self.state.get_mut() = new.state.into_inner() | kept;
        (new.key, std::mem::replace(&mut self.value, new.value))
    }

    /// Gives the entry another version.
    pub(super) fn restamp(&mut self, version: u64) {
        self.version = stored(version, self.is_watched());
    }

    /// Has looks at the entry told, or not.
    pub(super) fn watch(&mut self, is_watched: bool) {
        self.version = stored(self.version(), is_watched);
    }

    /// Makes the value stale from `now` on.
    pub(super) fn expire(&mut self, now: Tick) {
        let until = self.fresh_until().min(now).as_millis();
        let state = self.state.get_mut();
        *state = *state & !TICK_MASK | until;
    }

    #[inline]
    pub(super) fn meta(&self, cold: Cold) -> Meta {
        let state = self.state.load(Ordering::Relaxed);
        Meta {
            version: self.version(),
            created: Tick::from_millis(cold.times & TICK_MASK),
            fresh_until: self.fresh_until(),
            expires_at: expires_at(state, cold),
            note: cold.note,
            cost: Cost::from_code(cold.cost),
            is_watched: self.is_watched(),
        }
    }

    #[inline]
    pub(super) fn version(&self) -> u64 {
        (self.version.get() & !UNWATCHED) - 1
    }

    #[inline]
    fn is_watched(&self) -> bool {
        self.version.get() & UNWATCHED == 0
    }

    /// Whether the version is under `horizon`, or the entry is watched.
    #[inline]
    pub(super) fn is_unclear(&self, horizon: u64) -> bool {
        self.version.get() <= horizon | UNWATCHED
    }

    #[inline]
    pub(super) fn fresh_until(&self) -> Tick {
        Tick::from_millis(self.state.load(Ordering::Relaxed) & TICK_MASK)
    }

    /// When the entry is gone. A hit may move it on, nothing moves it back.
    #[inline]
    pub(super) fn gone_at(&self, cold: Cold) -> Tick {
        let state = self.state.load(Ordering::Relaxed);
        if state & IDLES == 0 {
            expires_at(state, cold)
        } else {
            Tick::from_millis(state & TICK_MASK)
        }
    }

    /// Why the entry is dead, if it is.
    #[inline]
    pub(super) fn death(&self, cold: Cold, bar: Bar) -> Option<Cause> {
        if self.gone_at(cold) <= bar.now {
            Some(Cause::Expired)
        } else {
            (self.version() < bar.floor).then_some(Cause::Invalidated)
        }
    }

    /// Counts a use. An entry in steady use is not written to, unless it idles: then it lives on until
    /// it was not used for `idle_millis`, or its time is over.
    #[inline]
    pub(super) fn count_use(&self, cold: impl FnOnce() -> Cold, now: Tick, idle_millis: u64) {
        let state = self.state.load(Ordering::Relaxed);
        if state & (USE_MASK | IDLES) == USE_MASK {
            return;
        }
        if state & IDLES == 0 {
            self.state.store(state + USE_ONE, Ordering::Relaxed);
        } else {
            self.live_on(cold(), now, idle_millis);
        }
    }

    /// Out of line, as few tiers have a time to idle.
    #[inline(never)]
    fn live_on(&self, cold: Cold, now: Tick, idle_millis: u64) {
        let used = |state: u64| {
            let until = now.as_millis().saturating_add(idle_millis);
            let until = until.min(expires_at(state, cold).as_millis());
            let mut next = state;
            if until > (state & TICK_MASK) + idle_millis / IDLE_PARTS {
                next = next & !TICK_MASK | until;
            }
            if state & USE_MASK != USE_MASK {
                next += USE_ONE;
            }
            (next != state).then_some(next)
        };
        // Whether it changed is nobody's concern.
        _ = self
            .state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, used);
    }

    pub(super) fn uses(&mut self) -> u64 {
        (*self.state.get_mut() & USE_MASK) >> USE_SHIFT
    }

    /// How often the key was asked for lately, as far as was drained from the uses.
    pub(super) fn frequency(&mut self) -> u64 {
        (*self.state.get_mut() & FREQUENCY_MASK) >> FREQUENCY_SHIFT
    }

    pub(super) fn raise_frequency(&mut self, by: u64) {
        let by = by.min(MAX_FREQUENCY - self.frequency());
        *self.state.get_mut() += by * FREQUENCY_ONE;
    }

    pub(super) fn halve_frequency(&mut self) {
        let frequency = self.frequency() / 2 * FREQUENCY_ONE;
        let state = self.state.get_mut();
        *state = *state & !FREQUENCY_MASK | frequency;
    }

    /// Turns one use into frequency; false if there was none.
    pub(super) fn spend_use(&mut self) -> bool {
        let used = self.uses() > 0;
        if used {
            *self.state.get_mut() -= USE_ONE;
            self.raise_frequency(1);
        }
        used
    }

    pub(super) fn is_in_main(&mut self) -> bool {
        *self.state.get_mut() & IN_MAIN != 0
    }

    /// Notes that the entry stands in the main queue now, its uses to be counted anew.
    pub(super) fn enter_main(&mut self) {
        let state = self.state.get_mut();
        *state = *state & !USE_MASK | IN_MAIN;
    }
}

#[inline]
fn expires_at(state: u64, cold: Cold) -> Tick {
    let high = (state >> TICK_BITS & EXPIRES_HIGH_MASK) << EXPIRES_LOW_BITS;
    Tick::from_millis(high | cold.times >> TICK_BITS)
}

fn stored(version: u64, is_watched: bool) -> NonZeroU64 {
    let flag = if is_watched { 0 } else { UNWATCHED };
    NonZeroU64::MIN.saturating_add(version) | flag
}

#[inline]
fn pack(meta: &Meta) -> (NonZeroU64, u64, Cold) {
    let version = stored(meta.version, meta.is_watched);
    let expires = meta.expires_at.as_millis().min(TICK_MASK);
    let fresh = meta.fresh_until.as_millis().min(expires);
    let created = meta.created.as_millis() & TICK_MASK;
    let state = fresh | expires >> EXPIRES_LOW_BITS << TICK_BITS;
    let cold = Cold {
        times: created | expires << TICK_BITS,
        note: meta.note,
        cost: meta.cost.code(),
    };
    (version, state, cold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_of_two_words_takes_32_bytes_in_its_slot() {
        assert_eq!(size_of::<Option<Entry<u64, u64>>>(), 32);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            version in 0..UNWATCHED - 1, created in 0..=TICK_MASK, fresh in 0..=TICK_MASK, expires in 0..=TICK_MASK,
            uses in 0..6_u64, frequency in 0..12_u64, note in any::<u32>(), cost in any::<u8>(),
            is_watched in any::<bool>(), horizon in 0..UNWATCHED,
        ) {
            let tick = Tick::from_millis;
            let meta = Meta {
                version, created: tick(created), fresh_until: tick(fresh.min(expires)), expires_at: tick(expires), note,
                cost: Cost::from_code(cost), is_watched,
            };
            let (mut entry, cold) = Entry::new((), 1, &Meta { fresh_until: tick(fresh), ..meta }, false);
            entry.raise_frequency(frequency);
            entry.enter_main();
            for _ in 0..uses {
                entry.count_use(|| cold, Tick::ZERO, 0);
            }
            prop_assert_eq!(entry.meta(cold), meta);
            prop_assert_eq!(entry.gone_at(cold), meta.expires_at);
            prop_assert_eq!(entry.is_unclear(horizon), is_watched || version < horizon);
            prop_assert!(entry.is_unclear(u64::MAX));
            entry.watch(!is_watched);
            prop_assert_eq!(entry.meta(cold), Meta { is_watched: !is_watched, ..meta });
            let later = Meta { version: version / 2, created: tick(expires), note: !note, cost: Cost::from_code(!cost), ..meta };
            let (new, cold) = Entry::new((), 2, &later, false);
            let ((), former) = entry.replace(new);
            prop_assert_eq!((former, entry.meta(cold)), (1, later));
            prop_assert_eq!((entry.uses(), entry.is_in_main()), (uses.min(MAX_USES), true));
            while entry.spend_use() {}
            let frequency = (frequency.min(MAX_FREQUENCY) + uses.min(MAX_USES)).min(MAX_FREQUENCY);
            prop_assert_eq!((entry.uses(), entry.frequency()), (0, frequency));
            entry.halve_frequency();
            prop_assert_eq!(entry.frequency(), frequency / 2);
            prop_assert_eq!(entry.meta(cold), later);
        }
    }
}
