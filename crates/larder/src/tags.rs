//! Tags of stored values, kept once however many entries share them.
//!
//! An entry holds a number; the texts are here. Knows no entries and no invalidations.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

/// The tags of one value, sorted, each once.
pub(crate) type Tags = Arc<[Box<str>]>;

/// The number of a value without tags.
pub(crate) const UNTAGGED: u32 = 0;

/// Sorts tags and drops repeated ones.
pub(crate) fn tag_set(mut tags: Vec<Box<str>>) -> Tags {
    tags.sort_unstable();
    tags.dedup();
    tags.into()
}

/// The sets of tags that entries hold, by number. Its size is bounded by the number of entries.
#[derive(Default)]
pub(crate) struct TagSets(RwLock<Sets>);

#[derive(Default)]
struct Sets {
    by_number: Vec<Option<(Tags, u32)>>,
    by_tags: HashMap<Tags, u32>,
    free: Vec<u32>,
}

impl TagSets {
    /// The number of this set, held once more; [`UNTAGGED`] for none.
    pub(crate) fn hold(&self, tags: &Tags) -> u32 {
        if tags.is_empty() {
            return UNTAGGED;
        }
        let mut sets = self.0.write();
        if let Some(&number) = sets.by_tags.get(tags) {
            if let Some((_, holders)) = &mut sets.by_number[number as usize - 1] {
                *holders += 1;
            }
            return number;
        }
        let set = Some((tags.clone(), 1));
        let number = if let Some(number) = sets.free.pop() {
            sets.by_number[number as usize - 1] = set;
            number
        } else {
            sets.by_number.push(set);
            sets.by_number.len() as u32
        };
        sets.by_tags.insert(tags.clone(), number);
        number
    }

    /// Lets go of a number that was held.
    pub(crate) fn release(&self, number: u32) {
        if number == UNTAGGED {
            return;
        }
        let mut sets = self.0.write();
        let slot = &mut sets.by_number[number as usize - 1];
        let Some((_, holders)) = slot else { return };
        *holders -= 1;
        if *holders == 0
            && let Some((tags, _)) = slot.take()
        {
            sets.by_tags.remove(&tags);
            sets.free.push(number);
        }
    }

    /// The set of a number that is held.
    pub(crate) fn get(&self, number: u32) -> Option<Tags> {
        if number == UNTAGGED {
            return None;
        }
        let sets = self.0.read();
        let held = sets.by_number.get(number as usize - 1)?.as_ref()?;
        Some(held.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Tags {
        tag_set(names.iter().map(|name| Box::from(*name)).collect())
    }

    #[test]
    fn a_set_is_kept_once_and_as_long_as_it_is_held() {
        let sets = TagSets::default();
        let (one, two) = (
            sets.hold(&tags(&["a", "b"])),
            sets.hold(&tags(&["b", "a", "a"])),
        );
        assert_eq!(one, two);
        sets.release(one);
        assert_eq!(sets.get(two), Some(tags(&["a", "b"])));
        sets.release(two);
        assert_eq!(sets.get(two), None);
        assert_eq!(sets.hold(&tags(&["c"])), one, "its number is used again");
        assert_eq!(sets.hold(&tags(&[])), UNTAGGED);
    }
}
