//! What some stored values have beside their times: tags, an entity tag, a lookup version. Kept once
//! however many entries share it.
//!
//! An entry holds a number; the note is here. Knows no entries and no invalidations.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

/// The tags of one value, sorted, each once.
pub(crate) type Tags = Arc<[Box<str>]>;

/// The number of a value without a note.
pub(crate) const NO_NOTE: u32 = 0;

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
pub(crate) struct Notes(RwLock<Held>);

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
        let mut held = self.0.write();
        if let Some(&number) = held.numbers.get(note) {
            if let Some((_, holders)) = &mut held.by_number[number as usize - 1] {
                *holders += 1;
            }
            return number;
        }
        let note = Arc::new(note.clone());
        let slot = Some((note.clone(), 1));
        let number = if let Some(number) = held.free.pop() {
            held.by_number[number as usize - 1] = slot;
            number
        } else {
            held.by_number.push(slot);
            held.by_number.len() as u32
        };
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
        let mut held = self.0.write();
        let slot = &mut held.by_number[number as usize - 1];
        let Some((_, holders)) = slot else { return };
        *holders -= 1;
        if *holders == 0
            && let Some((note, _)) = slot.take()
        {
            held.numbers.remove(&note);
            held.free.push(number);
        }
    }

    /// The note of a number that is held.
    pub(crate) fn get(&self, number: u32) -> Option<Arc<Note>> {
        if number == NO_NOTE {
            return None;
        }
        let held = self.0.read();
        let (note, _) = held.by_number.get(number as usize - 1)?.as_ref()?;
        Some(note.clone())
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
}
