//! A group of the table: the tags of 16 slots, looked at together.
//!
//! A tag is a byte of the key's hash, never 0; 0 marks an empty slot. This module must not know what
//! the slots hold.

use wide::u8x16;

/// Slots of a group.
pub(super) const SLOTS: usize = 16;

#[derive(Clone, Copy, Default)]
#[repr(align(16))]
pub(super) struct Group([u8; SLOTS]);

impl Group {
    /// The slots whose tag is `tag`.
    #[inline]
    pub(super) fn matches(&self, tag: u8) -> Slots {
        let equal = u8x16::new(self.0).simd_eq(u8x16::splat(tag));
        Slots(equal.to_bitmask() as u16)
    }

    /// The empty slots.
    #[inline]
    pub(super) fn free(&self) -> Slots {
        self.matches(0)
    }

    /// The slots that hold an entry.
    #[inline]
    pub(super) fn occupied(&self) -> Slots {
        Slots(!self.matches(0).0)
    }

    /// Sets the tag of `slot`; 0 empties it.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, tag: u8) {
        self.0[slot] = tag;
    }
}

/// Slots of one group, a bit for each.
#[derive(Default)]
pub(super) struct Slots(u16);

impl Slots {
    pub(super) fn insert(&mut self, slot: usize) {
        self.0 |= 1 << slot;
    }
}

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(slot)
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
                    prop_assert_eq!(sorted(group.matches(wanted)), holding(&|tag| tag == wanted));
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
