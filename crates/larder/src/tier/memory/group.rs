//! A group of the table: the tags of 16 slots in two words.
//!
//! A tag is a byte of the key's hash, never 0; 0 marks an empty slot. This module must not know what
//! the slots hold.

/// Slots of a group.
pub(super) const SLOTS: usize = 16;

/// Little end first: byte `i` is the tag of slot `i`.
#[derive(Clone, Copy, Default)]
#[repr(align(16))]
pub(super) struct Group([u64; 2]);

impl Group {
    /// The slots whose tag is `tag`.
    #[inline]
    pub(super) fn matches(self, tag: u8) -> Slots {
        Slots(equal_bytes(self.0, tag))
    }

    /// The empty slots.
    #[inline]
    pub(super) fn free(self) -> Slots {
        Slots(equal_bytes(self.0, 0))
    }

    /// The slots that hold an entry.
    pub(super) fn occupied(self) -> Slots {
        Slots(!equal_bytes(self.0, 0))
    }

    /// Sets the tag of `slot`; 0 empties it.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, tag: u8) {
        let shift = slot % 8 * 8;
        let word = &mut self.0[slot / 8];
        *word = *word & !(0xff << shift) | u64::from(tag) << shift;
    }
}

/// Slots of one group, in order.
#[derive(Clone, Copy, Default)]
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

/// Bit `i` is set where byte `i` equals `byte`.
#[inline]
fn equal_bytes(words: [u64; 2], byte: u8) -> u16 {
    const LOW_7: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const GATHER_HIGH_BITS: u64 = 0x0002_0408_1020_4081;
    let [low, high] = words.map(|word| {
        let differs = word ^ u64::from(byte) * 0x0101_0101_0101_0101;
        let zero_bytes = !(((differs & LOW_7) + LOW_7) | differs | LOW_7);
        zero_bytes.wrapping_mul(GATHER_HIGH_BITS) >> 56
    });
    (high << 8 | low) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_bytes_are_found(bytes in any::<[u8; 16]>(), few in 0..3_u8) {
            for bytes in [bytes, bytes.map(|b| b % 3)] {
                let words = [0, 8].map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()));
                for byte in [few, bytes[0], bytes[15]] {
                    let expected = (0..16).filter(|&i| bytes[i] == byte).fold(0, |bits, i| bits | 1 << i);
                    prop_assert_eq!(equal_bytes(words, byte), expected);
                }
            }
        }
    }

    #[test]
    fn setting_a_tag_touches_no_other() {
        let mut group = Group::default();
        (0..SLOTS).for_each(|slot| group.set(slot, 0xff));
        group.set(9, 1);
        assert_eq!(group.matches(1).collect::<Vec<_>>(), [9]);
        group.set(9, 0);
        assert_eq!(
            (group.free().collect::<Vec<_>>(), group.occupied().count()),
            (vec![9], SLOTS - 1)
        );
    }
}
