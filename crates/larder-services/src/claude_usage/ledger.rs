//! Which lines count: the union of every record ever absorbed.
//!
//! For each message the ledger keeps the records that stand: one for each request id on the main
//! chain, or, if it was seen on side chains only, one. Of records that compete, the one with the
//! largest token total stands, then the first in path and offset. Absorbing is therefore a join:
//! neither the order of records nor their repetition changes the result, and what a file once said
//! stays when the file goes. A restart absorbs what was kept, a rescan absorbs what it reads; there
//! is no other way in.
//!
//! It knows records and files' names, and neither reads a file nor writes the state.

mod worth;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashTable;
use xxhash_rust::xxh3::Xxh3;

use self::worth::{cell_of, entry_of};
use super::books::{Books, Entry};
use super::names::Names;
use super::prices::{Prices, Rates};
use super::record::Record;

/// Ends a chain of slots.
const END: u32 = u32::MAX;
/// How many other files are remembered for one message.
const COPIES_MAX: usize = 64;

/// A log file, as far as records need it.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) path: Arc<Path>,
    pub(super) project: u32,
    pub(super) exists: bool,
}

/// A standing record and the next one of the same message.
#[derive(Clone, Copy, Debug)]
struct Slot {
    record: Record,
    next: u32,
    dirty: bool,
}

/// All records that stand.
#[derive(Debug)]
pub(super) struct Ledger {
    slots: Vec<Slot>,
    /// The first slot of each message, by key.
    heads: HashTable<u32>,
    /// Files besides the record's own in which the message was met.
    copies: HashMap<u32, Vec<u32>>,
    sources: Vec<Source>,
    pub(super) models: Names,
    pub(super) sessions: Names,
    pub(super) projects: Names,
    prices: Prices,
    rates: Vec<Option<Rates>>,
    books: Books,
    /// Slots that the state does not have as they are.
    dirty: Vec<u32>,
    dirty_copies: Vec<(u32, u32)>,
    /// Whether the archived sums may differ from the last ones taken.
    archive_moved: bool,
}

impl Ledger {
    pub(super) fn new(prices: Prices, books: Books) -> Self {
        Self {
            slots: Vec::new(),
            heads: HashTable::new(),
            copies: HashMap::new(),
            sources: Vec::new(),
            models: Names::default(),
            sessions: Names::default(),
            projects: Names::default(),
            prices,
            rates: Vec::new(),
            books,
            dirty: Vec::new(),
            dirty_copies: Vec::new(),
            archive_moved: false,
        }
    }

    pub(super) fn reserve(&mut self, records: usize) {
        self.slots.reserve(records);
        let slots = &self.slots;
        self.heads
            .reserve(records, |slot| hash_of(slots[*slot as usize].record.key));
    }

    /// Adds a file; its number is the count of files before it.
    pub(super) fn add_source(&mut self, path: Arc<Path>, project: u32, exists: bool) -> u32 {
        let id = u32::try_from(self.sources.len()).expect("fewer than 2^32 files");
        self.sources.push(Source {
            path,
            project,
            exists,
        });
        id
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Notes whether a file exists.
    pub(super) fn set_exists(&mut self, file: u32, exists: bool) {
        let source = &mut self.sources[file as usize];
        self.archive_moved |= source.exists != exists;
        source.exists = exists;
    }

    /// Takes a record in. True if that changed anything.
    pub(super) fn absorb(&mut self, record: Record) -> bool {
        self.price_new_models();
        let hash = hash_of(record.key);
        let slots = &self.slots;
        let Some(head) = self
            .heads
            .find(hash, |slot| slots[*slot as usize].record.key == record.key)
            .copied()
        else {
            self.push(record, hash);
            return true;
        };
        let standing = self.slots[head as usize].record;
        match (standing.sidechain, record.sidechain) {
            (false, true) => {
                self.note_copy(head, record.file);
                false
            }
            (true, false) => {
                self.replace(head, record);
                self.note_copy(head, standing.file);
                true
            }
            _ => self.compete(head, record),
        }
    }

    /// Notes that the message of `key` was also met in `file`.
    pub(super) fn absorb_copy(&mut self, key: u128, request: u64, file: u32) {
        if let Some(slot) = self.find(key, request) {
            self.note_copy(slot, file);
        }
    }

    /// How often a line without a message id was met in this reading of its file, before this one:
    /// its copies have the keys `key(1)`, `key(2)` and so on, without a gap.
    pub(super) fn occurrences(&self, reading: u32, key: impl Fn(u64) -> u128) -> u64 {
        let met = |nth: u64| {
            let found = self.find(key(nth), 0);
            found.is_some_and(|slot| self.slots[slot as usize].record.reading == reading)
        };
        let mut above = 1;
        while met(above) {
            above *= 2;
        }
        let mut below = above / 2;
        while below + 1 < above {
            let middle = below.midpoint(above);
            if met(middle) {
                below = middle;
            } else {
                above = middle;
            }
        }
        below
    }

    fn find(&self, key: u128, request: u64) -> Option<u32> {
        let head = *self.heads.find(hash_of(key), |slot| {
            self.slots[*slot as usize].record.key == key
        })?;
        self.chain(head).find(|slot| {
            let record = &self.slots[*slot as usize].record;
            record.sidechain || record.request == request
        })
    }

    fn chain(&self, head: u32) -> impl Iterator<Item = u32> {
        let next = |slot: &u32| Some(self.slots[*slot as usize].next).filter(|next| *next != END);
        std::iter::successors(Some(head), next)
    }

    /// The record meets others of its message on the same chain.
    fn compete(&mut self, head: u32, record: Record) -> bool {
        let mut last = head;
        let rival = self.chain(head).find(|slot| {
            last = *slot;
            record.sidechain || self.slots[*slot as usize].record.request == record.request
        });
        let Some(rival) = rival else {
            let slot = self.push_unlinked(record);
            self.slots[last as usize].next = slot;
            return true;
        };
        let standing = self.slots[rival as usize].record;
        let wins = self.order(&record, &standing) == Ordering::Less;
        if wins {
            self.replace(rival, record);
        }
        let loser = if wins { standing.file } else { record.file };
        self.reread(rival, record.reading);
        self.note_copy(rival, loser);
        wins
    }

    /// Which record stands comes first.
    fn order(&self, a: &Record, b: &Record) -> Ordering {
        let path = |record: &Record| {
            self.sources[record.file as usize]
                .path
                .as_os_str()
                .as_encoded_bytes()
        };
        let by_path = || {
            if a.file == b.file {
                Ordering::Equal
            } else {
                path(a).cmp(path(b))
            }
        };
        let by_total = b.tokens.total().cmp(&a.tokens.total());
        by_total
            .then_with(by_path)
            .then_with(|| a.offset.cmp(&b.offset))
    }

    /// A line without a message id was met again in a later reading.
    fn reread(&mut self, slot: u32, reading: u32) {
        let standing = &mut self.slots[slot as usize].record;
        if standing.reading < reading {
            standing.reading = reading;
            self.soil(slot);
        }
    }

    fn note_copy(&mut self, slot: u32, file: u32) {
        let own = self.slots[slot as usize].record.file;
        if own == file {
            return;
        }
        let copies = self.copies.entry(slot).or_default();
        if copies.len() >= COPIES_MAX || copies.contains(&file) {
            return;
        }
        copies.push(file);
        self.dirty_copies.push((slot, file));
        self.archive_moved |= !self.sources[own as usize].exists;
    }

    fn push(&mut self, record: Record, hash: u64) {
        let slot = self.push_unlinked(record);
        let slots = &self.slots;
        self.heads
            .insert_unique(hash, slot, |slot| hash_of(slots[*slot as usize].record.key));
    }

    fn push_unlinked(&mut self, record: Record) -> u32 {
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 messages");
        self.slots.push(Slot {
            record,
            next: END,
            dirty: false,
        });
        self.soil(slot);
        self.enter(slot);
        slot
    }

    fn replace(&mut self, slot: u32, record: Record) {
        let old = self.slots[slot as usize].record;
        let record = Record {
            reading: old.reading.max(record.reading),
            ..record
        };
        self.slots[slot as usize].record = record;
        self.soil(slot);
        let gone = |record: &Record| !self.sources[record.file as usize].exists;
        self.archive_moved |= gone(&old) || gone(&record);
        let (old, new) = (self.entry(&old), self.entry(&record));
        let (slots, sources) = (&self.slots, &self.sources);
        self.books.replace(slot, &old, &new, |slot| {
            cell_of(&slots[slot as usize].record, sources)
        });
    }

    fn entry(&self, record: &Record) -> Entry {
        entry_of(record, &self.sources, &self.rates)
    }

    fn soil(&mut self, slot: u32) {
        if !std::mem::replace(&mut self.slots[slot as usize].dirty, true) {
            self.dirty.push(slot);
        }
    }

    fn enter(&mut self, slot: u32) {
        let record = self.slots[slot as usize].record;
        self.archive_moved |= !self.sources[record.file as usize].exists;
        let entry = self.entry(&record);
        self.books.enter(slot, &entry);
    }

    fn price_new_models(&mut self) {
        while self.rates.len() < self.models.len() {
            let model = self.models.name(self.rates.len() as u32);
            self.rates.push(self.prices.find(model));
        }
    }
}

impl Ledger {
    /// How many records stand.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The records that the state does not have as they are.
    pub(super) fn unsaved(&self) -> impl ExactSizeIterator<Item = &Record> {
        self.dirty
            .iter()
            .map(|slot| &self.slots[*slot as usize].record)
    }

    /// The copies that the state does not have: the message's record, and the other file.
    pub(super) fn unsaved_copies(&self) -> impl ExactSizeIterator<Item = (&Record, u32)> {
        self.dirty_copies
            .iter()
            .map(|(slot, file)| (&self.slots[*slot as usize].record, *file))
    }

    /// Counts everything as unsaved again.
    pub(super) fn soil_all(&mut self) {
        self.dirty.clear();
        for slot in &mut self.slots {
            slot.dirty = false;
        }
        (0..self.slots.len() as u32).for_each(|slot| self.soil(slot));
        let copies = self
            .copies
            .iter()
            .flat_map(|(slot, files)| files.iter().map(|file| (*slot, *file)));
        self.dirty_copies = copies.collect();
    }

    /// Counts everything as saved.
    pub(super) fn mark_saved(&mut self) {
        for slot in std::mem::take(&mut self.dirty) {
            self.slots[slot as usize].dirty = false;
        }
        self.dirty_copies.clear();
    }
}

/// The key is a hash already.
fn hash_of(key: u128) -> u64 {
    key as u64
}

/// The key of the `nth` line with this content, and without a message id, at the place that `path`
/// and `successor` name.
pub(super) fn key_of_place(path: &Path, successor: u32, content: u128, nth: u64) -> u128 {
    let mut hasher = Xxh3::with_seed(0x0070_6c61_6365);
    hasher.update(path.as_os_str().as_encoded_bytes());
    hasher.update(&content.to_le_bytes());
    hasher.update(&nth.to_le_bytes());
    if successor != 0 {
        hasher.update(&successor.to_le_bytes());
    }
    hasher.digest128()
}
