//! The ghost: fingerprints of keys that were put out lately, and what is remembered of each.
//!
//! It is a table of 16-way sets by hash, in each of which the oldest makes room for the newest; so it
//! remembers about as many keys as it was made for, takes two bytes for each, and takes one key in
//! 250 for another. It must not know what is made of its memories.

use wide::u16x16;

use super::entry::MAX_FREQUENCY;

const WAYS: usize = 16;
/// Of a set, the newest that count as put out just now.
const RECENT: usize = 2;
/// Bits of a mark: the frequency, whether the main queue held the key, and a fingerprint, never 0.
const FREQUENCY: u16 = MAX_FREQUENCY as u16;
const FROM_MAIN: u16 = FREQUENCY + 1;
const PRINT_SHIFT: u32 = FROM_MAIN.trailing_zeros() + 1;
const PRINT: u16 = u16::MAX << PRINT_SHIFT;

#[repr(align(32))]
#[derive(Clone, Copy)]
struct Set([u16; WAYS]);

pub(super) struct Ghost {
    sets: Box<[Set]>,
}

/// What is remembered of a key that was put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remembered {
    /// How often it was asked for.
    pub(super) frequency: u64,
    /// Whether it was put out of the main queue.
    pub(super) from_main: bool,
    /// Whether few have been put out since.
    pub(super) is_recent: bool,
}

impl Ghost {
    /// Remembers nothing.
    pub(super) fn empty() -> Self {
        Self {
            sets: Box::default(),
        }
    }

    /// Room for about `keys`, of which none is remembered yet.
    pub(super) fn with_room_for(keys: usize) -> Self {
        Self {
            sets: vec![Set([0; WAYS]); keys.div_ceil(WAYS)].into(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        !self.sets.is_empty()
    }

    pub(super) fn remember(&mut self, hash: u64, frequency: u64, from_main: bool) {
        let (set, print) = self.place(hash);
        if let Some(Set(marks)) = self.sets.get_mut(set) {
            let from = if from_main { FROM_MAIN } else { 0 };
            marks.copy_within(..WAYS - 1, 1);
            marks[0] = print | from | frequency.min(MAX_FREQUENCY) as u16;
        }
    }

    /// What is remembered of the key; then it is forgotten.
    pub(super) fn recall(&mut self, hash: u64) -> Option<Remembered> {
        let (set, print) = self.place(hash);
        let Set(marks) = self.sets.get_mut(set)?;
        let prints = u16x16::new(*marks) & u16x16::splat(PRINT);
        let equal = prints.simd_eq(u16x16::splat(print)).to_bitmask();
        let at = equal.trailing_zeros() as usize;
        let mark = *marks.get(at)?;
        marks.copy_within(at + 1.., at);
        marks[WAYS - 1] = 0;
        Some(Remembered {
            frequency: u64::from(mark & FREQUENCY),
            from_main: mark & FROM_MAIN != 0,
            is_recent: at < RECENT,
        })
    }

    /// Halves all frequencies.
    pub(super) fn fade(&mut self) {
        for mark in self.sets.iter_mut().flat_map(|set| &mut set.0) {
            *mark = *mark & !FREQUENCY | (*mark & FREQUENCY) >> 1;
        }
    }

    /// The set and, in its place, the fingerprint of a hash. It is mixed first: the hashes of numbers
    /// in a row may be as far from each other all the way, and if one pair of them were taken for the
    /// same key, all pairs would be.
    fn place(&self, hash: u64) -> (usize, u16) {
        let set = ((hash & u64::from(u32::MAX)) * self.sets.len() as u64) >> 32;
        let mixed = (hash ^ (hash >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let print = (mixed >> 48) as u16 >> PRINT_SHIFT;
        (set as usize, print.max(1) << PRINT_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher as _;

    use super::*;

    fn hash(i: u64) -> u64 {
        foldhash::fast::FixedState::with_seed(7).hash_one(i)
    }

    #[test]
    fn it_remembers_about_as_many_as_it_has_room_for_and_each_once() {
        let mut ghost = Ghost::with_room_for(1024);
        (0..4096).for_each(|i| ghost.remember(hash(i), i, i % 3 == 0));
        let recent = (4096 - 512..4096)
            .filter(|&i| ghost.recall(hash(i)).is_some())
            .count();
        assert!(recent > 490, "{recent} of the last 512 are remembered");
        assert_eq!(ghost.recall(hash(4095)), None, "once");
        let old = (0..2048)
            .filter(|&i| ghost.recall(hash(i)).is_some())
            .count();
        assert!(old < 40, "{old} of the first 2048 are remembered");
    }

    #[test]
    fn an_empty_one_remembers_nothing() {
        let mut ghost = Ghost::empty();
        ghost.remember(7, 1, false);
        assert!(!ghost.has_room() && ghost.recall(7).is_none());
    }

    #[test]
    fn a_key_is_remembered_with_its_frequency_which_fades_and_its_queue() {
        let mut ghost = Ghost::with_room_for(WAYS);
        for i in 0..16 {
            ghost.remember(hash(i), i, i % 2 == 0);
        }
        let recalled = ghost.recall(hash(3)).map(|m| (m.frequency, m.from_main));
        assert_eq!(recalled, Some((3, false)));
        assert!(!ghost.recall(hash(0)).unwrap().is_recent);
        assert!(ghost.recall(hash(15)).unwrap().is_recent);
        ghost.fade();
        let recalled = ghost.recall(hash(14)).map(|m| (m.frequency, m.from_main));
        assert_eq!(recalled, Some((MAX_FREQUENCY / 2, true)));
    }
}
