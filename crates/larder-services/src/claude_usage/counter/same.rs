//! Which paths lead to the same file: one that is linked counts once, one that is moved is known
//! again.
//!
//! A moved file is read anew under its new path. What it said before is not counted again: messages
//! by their ids, lines without one because the file keeps its [`Place`]. Path and project of what
//! was counted may stay those of the old path.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::super::files::{Found, Place, Stamp, identity_at};
use super::super::scan::holds;
use super::Counter;

type Identity = (u64, u64);

impl Counter {
    /// The numbers of the found files, links left out; a moved file gets the place that it had.
    pub(super) fn number(&mut self, found: &[Found]) -> Vec<(u32, Stamp)> {
        let mut known = None;
        let mut numbered = Vec::with_capacity(found.len());
        let mut moved = HashMap::new();
        for found in self.distinct(found) {
            if !self.is_at_its_path(found) {
                let known = known.get_or_insert_with(|| self.by_identity());
                let identity = found.stamp.identity();
                let before = identity.and_then(|identity| known.get(&identity).copied());
                if before.is_some_and(|file| self.is_still_at_its_path(file)) {
                    continue;
                }
                if let Some(place) = before.and_then(|file| self.place_taken_along(file, found)) {
                    moved.insert(self.file(&found.path, None), place);
                }
            }
            numbered.push((self.file(&found.path, None), found.stamp));
        }
        for (file, place) in &moved {
            self.states[*file as usize].place = Some(*place);
        }
        let replaced = |(file, now): &&(u32, Stamp)| {
            !moved.contains_key(file) && self.is_other_at_a_shared_place(*file, now)
        };
        let replaced: Vec<_> = numbered.iter().filter(replaced).collect();
        for (file, _) in replaced {
            self.states[*file as usize].place = Some(Place {
                file: *file,
                successor: self.next_reading,
            });
        }
        numbered
    }

    fn is_at_its_path(&self, found: &Found) -> bool {
        self.by_path
            .get(&*found.path)
            .is_some_and(|file| self.states[*file as usize].stamp.same_file(&found.stamp))
    }

    /// Of several paths of one file, the one by which it is known, else the first in byte order.
    fn distinct<'a>(&self, found: &'a [Found]) -> Vec<&'a Found> {
        let mut seen = HashMap::with_capacity(found.len());
        let mut distinct: Vec<&Found> = Vec::with_capacity(found.len());
        for found in found {
            let Some(identity) = found.stamp.identity() else {
                distinct.push(found);
                continue;
            };
            match seen.entry(identity) {
                Entry::Vacant(entry) => {
                    entry.insert(distinct.len());
                    distinct.push(found);
                }
                Entry::Occupied(entry) => {
                    let chosen = &mut distinct[*entry.get()];
                    if self.rank(found) < self.rank(chosen) {
                        *chosen = found;
                    }
                }
            }
        }
        distinct
    }

    fn rank<'a>(&self, found: &'a Found) -> (bool, &'a [u8]) {
        let known = self.by_path.get(&*found.path).is_some_and(|file| {
            let state = &self.states[*file as usize];
            state.exists && state.stamp.same_file(&found.stamp)
        });
        (!known, found.path.as_os_str().as_encoded_bytes())
    }

    /// The known files by what names them; of several, one that exists.
    fn by_identity(&self) -> HashMap<Identity, u32> {
        let mut known = HashMap::new();
        for existing in [false, true] {
            for (file, state) in self.states.iter().enumerate() {
                if let Some(identity) = state.stamp.identity().filter(|_| state.exists == existing)
                {
                    known.insert(identity, file as u32);
                }
            }
        }
        known
    }

    fn is_still_at_its_path(&self, file: u32) -> bool {
        let identity = self.states[file as usize].stamp.identity();
        identity.is_some() && identity_at(&self.ledger.sources()[file as usize].path) == identity
    }

    /// The place of a known file that is gone from its path, if what was found is that file. The
    /// system gives a removed file's inode to new ones, so that the content has to tell.
    fn place_taken_along(&self, file: u32, found: &Found) -> Option<Place> {
        let reached = &self.states[file as usize].reached;
        let is_it = reached.offset > 0 && holds(&found.path, reached).unwrap_or(false);
        is_it.then(|| self.place_of(file))
    }

    pub(super) fn place_of(&self, file: u32) -> Place {
        self.states[file as usize]
            .place
            .unwrap_or(Place { file, successor: 0 })
    }

    /// Whether a moved file took the place of `file` along, and another file is at the path now.
    fn is_other_at_a_shared_place(&self, file: u32, now: &Stamp) -> bool {
        let before = &self.states[file as usize].stamp;
        *before != Stamp::default() && !before.same_file(now) && self.is_shared(file)
    }

    fn is_shared(&self, file: u32) -> bool {
        let place = self.place_of(file);
        (0..self.states.len() as u32).any(|other| other != file && self.place_of(other) == place)
    }
}
