//! A group of the table: the tags of 15 slots in one 16-byte word pair.
//!
//! A tag is a byte of the key's hash, never 0; 0 marks an empty slot. The sixteenth byte counts the
//! keys that wanted a slot here and found none: a search goes on to the next group only where it is
//! not 0. So a removal leaves no tombstone, and a slot keeps its number for as long as the table
//! keeps its size. (The scheme is that of Meta's F14.)

/// Slots of a group.
pub(super) const SLOTS: usize = 15;

const SLOTS_MASK: u16 = (1 << SLOTS) - 1;
const OVERFLOW_SHIFT: u32 = 56;
const OVERFLOW_ONE: u64 = 1 << OVERFLOW_SHIFT;
const OVERFLOW_FULL: u64 = 0xff;

/// Little end first: byte `i` is the tag of slot `i`, byte 15 the overflow count.
#[derive(Clone, Copy, Default)]
#[repr(align(16))]
pub(super) struct Group([u64; 2]);

impl Group {
    /// The slots whose tag is `tag`.
    #[inline]
    pub(super) fn matches(self, tag: u8) -> Slots {
        Slots(equal_bytes(self.0, tag) & SLOTS_MASK)
    }

    /// The empty slots.
    #[inline]
    pub(super) fn free(self) -> Slots {
        Slots(equal_bytes(self.0, 0) & SLOTS_MASK)
    }

    /// The slots that hold an entry.
    pub(super) fn occupied(self) -> Slots {
        Slots(!equal_bytes(self.0, 0) & SLOTS_MASK)
    }

    /// Sets the tag of `slot`; 0 empties it.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, tag: u8) {
        let shift = slot % 8 * 8;
        let word = &mut self.0[slot / 8];
        *word = *word & !(0xff << shift) | u64::from(tag) << shift;
    }

    /// Whether keys that wanted a slot here may stand in later groups.
    #[inline]
    pub(super) fn has_overflowed(self) -> bool {
        self.0[1] >> OVERFLOW_SHIFT != 0
    }

    /// Notes that a key passed by. At 255 the count stays for good, and searches only get longer.
    pub(super) fn pass(&mut self) {
        if self.0[1] >> OVERFLOW_SHIFT != OVERFLOW_FULL {
            self.0[1] += OVERFLOW_ONE;
        }
    }

    /// Notes that a key that had passed by is gone.
    pub(super) fn unpass(&mut self) {
        if self.0[1] >> OVERFLOW_SHIFT != OVERFLOW_FULL {
            self.0[1] -= OVERFLOW_ONE;
        }
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
    fn tags_and_the_overflow_count_do_not_touch_each_other() {
        let mut group = Group::default();
        (0..SLOTS).for_each(|slot| group.set(slot, 0xff));
        assert!(!group.has_overflowed());
        (0..300).for_each(|_| group.pass());
        group.unpass();
        assert!(group.has_overflowed(), "a full count stays");
        (0..SLOTS).for_each(|slot| group.set(slot, 0));
        assert_eq!((group.free().count(), group.occupied().count()), (SLOTS, 0));
    }
}
