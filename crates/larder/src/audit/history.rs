//! What is known of one key: which versions existed when, and what has made them old.
//!
//! Versions are random numbers, compared for equality only. A version is *old* since a write was
//! acknowledged if it is known to have existed before that write began: the protocol lets no lease
//! outlive a write, so nothing that was made before it may stand after it. More that is known makes
//! more versions old, and none less: so what was not sampled hides staleness and never invents it.

use std::collections::{HashMap, VecDeque};

use super::record::Scope;
use super::report::{Happened, What};
use crate::glob::Glob;

/// Of each of these the newest, for each key.
const WRITES_MAX: usize = 64;
const VERSIONS_MAX: usize = 128;
const TOLD_MAX: usize = 24;

/// What makes older versions old.
#[derive(Clone, Debug)]
pub(super) struct Write {
    /// The version that it brought; `None` for an invalidation.
    pub(super) version: Option<u64>,
    /// The earliest that it can have begun.
    pub(super) began: u64,
    /// The latest that it can have been acknowledged.
    pub(super) acknowledged: u64,
}

/// An invalidation of many, and what it is for.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    pub(super) what: Scope,
    pattern: Option<Glob>,
    pub(super) write: Write,
    pub(super) happened: Happened,
}

/// What is known of a version.
#[derive(Clone, Debug, Default)]
struct Version {
    /// The latest that it can have come into being.
    existed: u64,
    /// `None` where they are not known.
    tags: Option<Vec<Box<str>>>,
}

#[derive(Default)]
pub(super) struct History {
    versions: HashMap<u64, Version>,
    writes: VecDeque<Write>,
    /// For people: what was read, and all else.
    reads: VecDeque<Happened>,
    changes: VecDeque<Happened>,
    /// When it was heard of last.
    pub(super) heard: u64,
}

impl Sweep {
    /// `None` for a pattern that cannot be read.
    pub(super) fn new(what: Scope, write: Write, happened: Happened) -> Option<Self> {
        let pattern = match &what {
            Scope::Pattern(text) => Some(Glob::parse(text).ok()?),
            _ => None,
        };
        Some(Self {
            what,
            pattern,
            write,
            happened,
        })
    }

    /// Whether it is for values of this key with these tags.
    fn is_for(&self, key: &str, tags: Option<&[Box<str>]>) -> bool {
        let has = |tag: &str| tags.is_some_and(|tags| tags.iter().any(|own| **own == *tag));
        match &self.what {
            Scope::Key(other) => **other == *key,
            Scope::All => true,
            Scope::Tag(tag) => has(tag),
            Scope::AllOf(all) => !all.is_empty() && all.iter().all(|tag| has(tag)),
            Scope::Prefix(prefix) => key.starts_with(&**prefix),
            Scope::Pattern(_) => self.pattern.as_ref().is_some_and(|glob| glob.matches(key)),
        }
    }
}

impl History {
    /// A version existed by `existed`.
    pub(super) fn saw(&mut self, version: u64, existed: u64, tags: Option<Vec<Box<str>>>) {
        if self.versions.len() >= VERSIONS_MAX && !self.versions.contains_key(&version) {
            let oldest = self.versions.iter().min_by_key(|(_, known)| known.existed);
            if let Some((&oldest, _)) = oldest {
                self.versions.remove(&oldest);
            }
        }
        let known = self.versions.entry(version).or_insert(Version {
            existed,
            tags: None,
        });
        known.existed = known.existed.min(existed);
        known.tags = tags.or(known.tags.take());
    }

    pub(super) fn wrote(&mut self, write: Write) {
        push(&mut self.writes, write, WRITES_MAX);
    }

    pub(super) fn tell(&mut self, happened: Happened) {
        match happened.what {
            What::Read { .. } => push(&mut self.reads, happened, TOLD_MAX),
            _ => push(&mut self.changes, happened, TOLD_MAX),
        }
    }

    /// Since when this version was old at the latest, if it was; by the first write that made it so.
    pub(super) fn old_since(
        &self,
        key: &str,
        version: u64,
        sweeps: &VecDeque<Sweep>,
    ) -> Option<u64> {
        let known = self.versions.get(&version)?;
        let makes_old =
            |write: &&Write| write.version != Some(version) && known.existed < write.began;
        let swept = sweeps
            .iter()
            .filter(|sweep| sweep.is_for(key, known.tags.as_deref()));
        let all = self.writes.iter().chain(swept.map(|sweep| &sweep.write));
        all.filter(makes_old).map(|write| write.acknowledged).min()
    }

    /// All that is known, in order.
    pub(super) fn events(
        &self,
        key: &str,
        version: u64,
        sweeps: &VecDeque<Sweep>,
    ) -> Vec<Happened> {
        let tags = self
            .versions
            .get(&version)
            .and_then(|known| known.tags.as_deref());
        let swept = sweeps.iter().filter(|sweep| sweep.is_for(key, tags));
        let swept = swept.map(|sweep| &sweep.happened);
        let mut events: Vec<Happened> = self
            .changes
            .iter()
            .chain(&self.reads)
            .chain(swept)
            .cloned()
            .collect();
        events.sort_by_key(|event| event.at_ms);
        events
    }
}

pub(super) fn push<T>(to: &mut VecDeque<T>, new: T, most: usize) {
    if to.len() == most {
        to.pop_front();
    }
    to.push_back(new);
}
