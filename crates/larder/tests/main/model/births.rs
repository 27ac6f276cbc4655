//! The rule of safety: where values come from, and what has happened since.

use std::collections::HashMap;

use super::steps::{At, Change, Settings};

/// Where a value comes from, or that there is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    pub(super) key: usize,
    pub(super) at: At,
    /// When its load began.
    pub(super) step: usize,
    pub(super) settings: Settings,
    pub(super) is_absence: bool,
}

/// All values that there were, and all that was invalidated.
#[derive(Default)]
pub(super) struct Births {
    of: HashMap<u64, Birth>,
    changes: Vec<(usize, Change)>,
    last: u64,
}

impl Births {
    /// A number that no other value has.
    pub(super) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn bear(&mut self, number: u64, birth: Birth) {
        self.of.insert(number, birth);
    }

    /// The load of this number says that there is no value.
    pub(super) fn turn_into_absence(&mut self, number: u64) {
        if let Some(birth) = self.of.get_mut(&number) {
            birth.is_absence = true;
        }
    }

    /// A load that began at this step has said that the value is still true; returns its tags.
    pub(super) fn renew(&mut self, value: u64, at: At, step: usize, settings: Settings) -> u8 {
        let birth = self.of.get_mut(&value).expect("there is such a value");
        (birth.at, birth.step) = (at, step);
        birth.settings.tags |= settings.tags;
        birth.settings.tags
    }

    pub(super) fn change(&mut self, step: usize, change: Change) {
        self.changes.push((step, change));
    }

    pub(super) fn since(&self, step: usize) -> impl Iterator<Item = Change> {
        let later = self.changes.iter().filter(move |(at, _)| *at > step);
        later.map(|(_, change)| *change)
    }

    /// What has made it invalid between its birth and this step.
    fn invalidated(&self, birth: &Birth, before: usize) -> Option<Change> {
        let between = |(step, change): &&(usize, Change)| {
            birth.step < *step && *step < before && !change.is_soft()
        };
        let mut later = self.changes.iter().filter(between);
        let by = later.find(|(_, change)| change.matches(birth.key, birth.settings));
        by.map(|(_, change)| *change)
    }

    /// That a get of this key which began at this step may return this value.
    #[track_caller]
    pub(super) fn check_value(&self, key: usize, at: At, began: usize, got: u64) {
        let birth = self.of.get(&got).expect("no load or insert brought it");
        assert_eq!(birth.key, key, "{got} is another key's value");
        assert!(!birth.is_absence, "{got} stands for no value");
        let is_asked_for = at.is_none() || birth.at == at;
        assert!(is_asked_for, "{got} is of {:?}, not of {at:?}", birth.at);
        let by = self.invalidated(birth, began);
        assert!(by.is_none(), "{got} was invalidated by {by:?} before");
    }

    /// That a get of this key which began at this step may say that there is no value.
    #[track_caller]
    pub(super) fn check_absence(&self, key: usize, at: At, began: usize) {
        let told = self.of.values().any(|birth| {
            birth.is_absence
                && birth.key == key
                && (at.is_none() || birth.at == at)
                && self.invalidated(birth, began).is_none()
        });
        assert!(told, "no load said of {key} that there is no value");
    }
}
