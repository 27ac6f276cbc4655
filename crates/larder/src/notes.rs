//! What some stored values have beside their times: tags, an entity tag, a lookup version. Kept once
//! however many entries share it.
//!
//! An entry holds a number; the note is here. Knows no entries and no invalidations.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;

/// The tags of one value, sorted, each once.
pub(crate) type Tags = Arc<[Box<str>]>;

/// The number of a value without a note.
pub(crate) const NO_NOTE: u32 = 0;
/// In the number of a note that has a lookup version.
const HAS_AT: u32 = 1 << 31;

/// What is noted of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Note {
    pub(crate) tags: Tags,
    /// What the origin calls this state of the value.
    pub(crate) etag: Option<Arc<str>>,
    /// The lookup version that the value was made from.
    pub(crate) at: Option<u64>,
    /// The version that the value has in the store that processes share.
    pub(crate) mark: Option<u64>,
}

impl Note {
    fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.etag.is_none() && self.at.is_none() && self.mark.is_none()
    }
}

/// Sorts tags and drops repeated ones.
pub(crate) fn tag_set(mut tags: Vec<Box<str>>) -> Tags {
    if tags.is_empty() {
        return Tags::default();
    }
    tags.sort_unstable();
    tags.dedup();
    tags.into()
}

/// The notes that entries hold, by number. Its size is bounded by the number of entries.
#[derive(Default)]
pub(crate) struct Notes {
    held: RwLock<Held>,
    /// The lookup versions once more, to be read without a lock.
    versions: Versions,
}

#[derive(Default)]
struct Held {
    by_number: Vec<Option<(Arc<Note>, u32)>>,
    numbers: HashMap<Arc<Note>, u32>,
    free: Vec<u32>,
}

impl Notes {
    /// The number of this note, held once more; [`NO_NOTE`] for an empty one.
    pub(crate) fn hold(&self, note: &Note) -> u32 {
        if note.is_empty() {
            return NO_NOTE;
        }
        let mut held = self.held.write();
        if let Some(&number) = held.numbers.get(note) {
            if let Some((_, holders)) = &mut held.by_number[index(number)] {
                *holders += 1;
            }
            return number;
        }
        let note = Arc::new(note.clone());
        let slot = Some((note.clone(), 1));
        let mut number = if let Some(number) = held.free.pop() {
            held.by_number[index(number)] = slot;
            number
        } else {
            held.by_number.push(slot);
            held.by_number.len() as u32
        };
        if let Some(at) = note.at {
            self.versions.set(number, at);
            number |= HAS_AT;
        }
        held.numbers.insert(note, number);
        number
    }

    /// Lets go of a number that was held.
    #[inline]
    pub(crate) fn release(&self, number: u32) {
        if number != NO_NOTE {
            self.release_held(number);
        }
    }

    fn release_held(&self, number: u32) {
        let mut held = self.held.write();
        let slot = &mut held.by_number[index(number)];
        let Some((_, holders)) = slot else { return };
        *holders -= 1;
        if *holders == 0
            && let Some((note, _)) = slot.take()
        {
            held.numbers.remove(&note);
            held.free.push(number & !HAS_AT);
        }
    }

    /// The note of a number that is held.
    pub(crate) fn get(&self, number: u32) -> Option<Arc<Note>> {
        if number == NO_NOTE {
            return None;
        }
        let held = self.held.read();
        let (note, _) = held.by_number.get(index(number))?.as_ref()?;
        Some(note.clone())
    }

    /// The lookup version of the note of a number that is held. Takes no lock; O(1).
    #[inline]
    pub(crate) fn at(&self, number: u32) -> Option<u64> {
        if number & HAS_AT == 0 {
            return None;
        }
        self.versions.get(number & !HAS_AT)
    }

    /// Whether the note of a number that is held has this lookup version. Takes no lock; O(1).
    #[inline]
    pub(crate) fn is_at(&self, number: u32, at: u64) -> bool {
        self.at(number) == Some(at)
    }
}

/// Where the note of a number stands.
const fn index(number: u32) -> usize {
    (number & !HAS_AT) as usize - 1
}

/// Lookup versions by number, in blocks of which each is as large as all before it: so that none moves
/// when they grow.
#[derive(Default)]
struct Versions([OnceLock<Box<[AtomicU64]>>; HAS_AT.ilog2() as usize]);

impl Versions {
    fn set(&self, number: u32, at: u64) {
        let (block, place) = Self::place(number);
        let block =
            self.0[block].get_or_init(|| (0..1_u32 << block).map(|_| AtomicU64::new(0)).collect());
        block[place].store(at, Ordering::Relaxed);
    }

    /// What was set last: whoever has the number has it by a lock that was taken since.
    #[inline]
    fn get(&self, number: u32) -> Option<u64> {
        let (block, place) = Self::place(number);
        let at = self.0.get(block)?.get()?.get(place)?;
        Some(at.load(Ordering::Relaxed))
    }

    #[inline]
    const fn place(number: u32) -> (usize, usize) {
        let block = number.ilog2();
        (block as usize, (number - (1 << block)) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(names: &[&str]) -> Note {
        let tags = tag_set(names.iter().map(|name| Box::from(*name)).collect());
        Note {
            tags,
            ..Note::default()
        }
    }

    #[test]
    fn a_note_is_kept_once_and_as_long_as_it_is_held() {
        let notes = Notes::default();
        let (one, two) = (
            notes.hold(&tagged(&["a", "b"])),
            notes.hold(&tagged(&["b", "a", "a"])),
        );
        assert_eq!(one, two);
        notes.release(one);
        assert_eq!(notes.get(two).as_deref(), Some(&tagged(&["a", "b"])));
        notes.release(two);
        assert_eq!(notes.get(two), None);
        assert_eq!(notes.hold(&tagged(&["c"])), one, "its number is used again");
        assert_eq!(notes.hold(&tagged(&[])), NO_NOTE);
    }

    #[test]
    fn a_note_is_at_its_own_lookup_version_and_at_no_other() {
        let notes = Notes::default();
        let at = |at| Note {
            at,
            ..Note::default()
        };
        let held: Vec<u32> = (0..100).map(|n| notes.hold(&at(Some(n)))).collect();
        for (number, n) in held.iter().zip(0..) {
            assert!(notes.is_at(*number, n) && !notes.is_at(*number, n + 1));
            assert_eq!(notes.get(*number).and_then(|note| note.at), Some(n));
        }
        let plain = notes.hold(&tagged(&["a"]));
        assert!(!notes.is_at(plain, 0) && !notes.is_at(NO_NOTE, 0));
        notes.release(held[70]);
        let again = notes.hold(&at(Some(7_000)));
        assert_eq!(again, held[70], "its number is used again");
        assert!(notes.is_at(again, 7_000) && !notes.is_at(again, 70));
        notes.release(again);
        let tagged = notes.hold(&tagged(&["b"]));
        assert!(!notes.is_at(tagged, 7_000), "it has none now");
    }
}
