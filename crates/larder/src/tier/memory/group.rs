//! A group of the table: the tags of 16 slots in two words.
//!
//! A tag is a byte of the key's hash, never 0; 0 marks an empty slot. This module must not know what
//! the slots hold.

/// Slots of a group.
pub(super) const SLOTS: usize = 16;

/// Little end first: byte `i % 8` of word `i / 8` is the tag of slot `i`.
#[derive(Clone, Copy, Default)]
#[repr(align(16))]
pub(super) struct Group([u64; 2]);

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = LOW_BITS << 7;

impl Group {
    /// The slots whose tag is `tag`, and seldom one whose tag is not.
    #[inline]
    pub(super) fn matches(self, tag: u8) -> Slots {
        let differs = self.0.map(|word| word ^ (u64::from(tag) * LOW_BITS));
        Slots::of(differs.map(|word| word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS))
    }

    /// The empty slots.
    #[inline]
    pub(super) fn free(self) -> Slots {
        Slots::of(self.0.map(|word| !used(word) & HIGH_BITS))
    }

    /// The slots that hold an entry.
    pub(super) fn occupied(self) -> Slots {
        Slots::of(self.0.map(|word| used(word) & HIGH_BITS))
    }

    /// Sets the tag of `slot`; 0 empties it.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, tag: u8) {
        let shift = slot % 8 * 8;
        let word = &mut self.0[slot / 8];
        *word = *word & !(0xff << shift) | u64::from(tag) << shift;
    }
}

/// Has the high bit of each byte that is not 0.
#[inline]
fn used(word: u64) -> u64 {
    ((word & !HIGH_BITS) + !HIGH_BITS) | word
}

/// Slots of one group. Bit `8 i` stands for slot `i`, bit `8 i + 4` for slot `8 + i`: so the high bits
/// of two words come together by a shift.
#[derive(Default)]
pub(super) struct Slots(u64);

impl Slots {
    #[inline]
    fn of(high_bits: [u64; 2]) -> Self {
        Self(high_bits[0] >> 7 | high_bits[1] >> 3)
    }

    pub(super) fn insert(&mut self, slot: usize) {
        self.0 |= 1 << (slot % 8 * 8 + slot / 8 * 4);
    }
}

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some((bit / 8) | ((bit & 4) << 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slots_are_told_by_their_tags(tags in any::<[u8; 16]>()) {
            for tags in [tags, tags.map(|tag| tag % 3)] {
                let mut group = Group::default();
                (0..SLOTS).for_each(|slot| group.set(slot, tags[slot]));
                let holding = |is: &dyn Fn(u8) -> bool| (0..SLOTS).filter(|&slot| is(tags[slot])).collect::<Vec<_>>();
                prop_assert_eq!(sorted(group.free()), holding(&|tag| tag == 0));
                prop_assert_eq!(sorted(group.occupied()), holding(&|tag| tag != 0));
                for wanted in 1..=255 {
                    let found = sorted(group.matches(wanted));
                    prop_assert!(holding(&|tag| tag == wanted).iter().all(|slot| found.contains(slot)));
                }
            }
        }
    }

    fn sorted(slots: Slots) -> Vec<usize> {
        let mut slots: Vec<_> = slots.collect();
        slots.sort_unstable();
        slots
    }

    #[test]
    fn setting_a_tag_touches_no_other() {
        let mut group = Group::default();
        (0..SLOTS).for_each(|slot| group.set(slot, 0xff));
        group.set(9, 1);
        assert_eq!(sorted(group.matches(1)), [9]);
        group.set(9, 0);
        assert_eq!(
            (sorted(group.free()), group.occupied().count()),
            (vec![9], SLOTS - 1)
        );
    }
}
