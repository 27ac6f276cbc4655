//! What one commit does to a file's tables, change by change.
//!
//! ```text
//! entries  key → envelope                 ends  what ends when (see there)
//! log      item → number, checksum        meta  "state" → format, schema, numbers, totals
//! outbox   what the shared store has to be told yet (see there)
//! ```
//! Bytes in, bytes out. Must not know values, queues or clocks.

use std::sync::Arc;

use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use xxhash_rust::xxh3::xxh3_64;

use super::ends::{Bounds, ENDS, Ends, Swept};
use super::file::{Result, digest};
use super::outbox::{self, OUTBOX};
use super::state::State;
use crate::tier::envelope::{Place, expired, place};
use crate::tier::{Dues, LogItem};

pub(super) const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
pub(super) const LOG: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("log");
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const STATE: &str = "state";

/// What an entry takes beside its key, twice, and its envelope.
const ENTRY_OVERHEAD_BYTES: u64 = 48;

/// What a commit changes.
#[derive(Debug)]
pub(super) enum Change {
    Put {
        key: Arc<str>,
        envelope: Vec<u8>,
    },
    Remove {
        key: Arc<str>,
    },
    /// The entry is stale from this time on.
    Expire {
        key: Arc<str>,
        soft_ms: u64,
    },
    /// Removes what was found to be of no use, if it still stands.
    Reclaim {
        key: Arc<str>,
        which: Which,
    },
    /// An item of the invalidation log; what has a number under the floor is invalid.
    Record {
        number: u64,
        item: LogItem,
        floor: u64,
    },
    Owe(Dues),
}

impl Change {
    /// Whether no entry that was written before it is valid.
    pub(super) const fn is_clear(&self) -> bool {
        matches!(
            self,
            Self::Record {
                item: LogItem::All,
                ..
            }
        )
    }
}

/// What was read of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    /// Bytes with this digest.
    Bytes(u64),
    Version(u64),
}

impl Which {
    fn is(self, stored: &[u8]) -> bool {
        match self {
            Self::Bytes(wanted) => digest(stored) == wanted,
            Self::Version(wanted) => place(stored).is_some_and(|place| place.version == wanted),
        }
    }
}

pub(super) fn damaged(what: &str) -> redb::Error {
    redb::Error::Corrupted(format!("{what} is damaged"))
}

/// A log item's number with a checksum of both.
fn numbered(item: &[u8], number: u64) -> [u8; 16] {
    let mut row = [0; 16];
    row[..8].copy_from_slice(&number.to_le_bytes());
    let checksum = xxh3_64(&[&row[..8], item].concat());
    row[8..].copy_from_slice(&checksum.to_le_bytes());
    row
}

/// The number of a log item, if its row is as it was written.
pub(super) fn number_of(item: &[u8], row: &[u8]) -> Option<u64> {
    let number = u64::from_le_bytes(row.get(..8)?.try_into().ok()?);
    (row == numbered(item, number)).then_some(number)
}

fn live_bytes(key: &[u8], envelope: usize) -> u64 {
    (2 * key.len() + envelope) as u64 + ENTRY_OVERHEAD_BYTES
}

/// The entries; their count and bytes are kept in the state.
pub(super) struct Entries<'t>(Table<'t, &'static [u8], &'static [u8]>);

impl Entries<'_> {
    /// Whether the key has an entry of which that is so. `None`: its place cannot be read.
    pub(super) fn has(
        &self,
        key: &[u8],
        is_so: impl FnOnce(Option<Place>) -> bool,
    ) -> Result<bool> {
        let stored = self.0.get(key)?;
        Ok(stored.is_some_and(|stored| is_so(place(stored.value()))))
    }

    /// Returns the place of what it replaces.
    fn put(&mut self, state: &mut State, key: &[u8], envelope: &[u8]) -> Result<Option<Place>> {
        let former = self.0.insert(key, envelope)?;
        let former = former.map(|former| (former.value().len(), place(former.value())));
        state.entered(live_bytes(key, envelope.len()));
        Ok(former.and_then(|(length, place)| {
            state.left(live_bytes(key, length));
            place
        }))
    }

    pub(super) fn remove(&mut self, state: &mut State, key: &[u8]) -> Result<()> {
        if let Some(former) = self.0.remove(key)? {
            state.left(live_bytes(key, former.value().len()));
        }
        Ok(())
    }

    fn expire(&mut self, key: &str, soft_ms: u64) -> Result<()> {
        let stored = self.0.get(key.as_bytes())?;
        let expired = stored.and_then(|stored| expired(key, stored.value(), soft_ms));
        if let Some(expired) = expired {
            self.0.insert(key.as_bytes(), &expired[..])?;
        }
        Ok(())
    }
}

/// An open transaction's tables, with the state that they will have.
pub(super) struct Tables<'t> {
    transaction: &'t WriteTransaction,
    entries: Entries<'t>,
    ends: Ends<'t>,
    log: Table<'t, &'static [u8], &'static [u8]>,
    outbox: Table<'t, &'static [u8], &'static [u8]>,
    state: State,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, state: State) -> Result<Self> {
        Ok(Self {
            transaction,
            entries: Entries(transaction.open_table(ENTRIES)?),
            ends: Ends::open(transaction)?,
            log: transaction.open_table(LOG)?,
            outbox: transaction.open_table(OUTBOX)?,
            state,
        })
    }

    /// Drops all entries at once, not one by one.
    pub(super) fn drop_entries(self) -> Result<Self> {
        let (transaction, mut state) = (self.transaction, self.state);
        drop(self);
        transaction.delete_table(ENTRIES)?;
        transaction.delete_table(ENDS)?;
        state.drop_entries();
        Self::open(transaction, state)
    }

    /// Makes a change. O(log n), and O(log items) where the floor rises.
    pub(super) fn apply(&mut self, change: Change) -> Result<()> {
        match change {
            Change::Put { key, envelope } => self.put(key.as_bytes(), &envelope),
            Change::Remove { key } => self.entries.remove(&mut self.state, key.as_bytes()),
            Change::Expire { key, soft_ms } => self.entries.expire(&key, soft_ms),
            Change::Reclaim { key, which } => {
                let stored = self.entries.0.get(key.as_bytes())?;
                let still_stands = stored.is_some_and(|stored| which.is(stored.value()));
                if still_stands {
                    self.entries.remove(&mut self.state, key.as_bytes())?;
                }
                Ok(())
            }
            Change::Record {
                number,
                item,
                floor,
            } => {
                let cleared = if item == LogItem::All { number } else { 0 };
                self.raise_floor(floor.max(cleared))?;
                self.record(number, &item)
            }
            Change::Owe(dues) => outbox::change(&mut self.outbox, &dues),
        }
    }

    fn put(&mut self, key: &[u8], envelope: &[u8]) -> Result<()> {
        let Some(new) = place(envelope) else {
            return Ok(());
        };
        // What a clear has made invalid before it was written.
        if new.version < self.state.floor {
            return Ok(());
        }
        let former = self.entries.put(&mut self.state, key, envelope)?;
        self.state.number = self.state.number.max(new.version);
        if former != Some(new) {
            self.ends.note(&mut self.state, key, new);
        }
        Ok(())
    }

    /// Nothing under `floor` is valid; the log's items under it are dropped.
    fn raise_floor(&mut self, floor: u64) -> Result<()> {
        if floor > self.state.floor {
            self.state.floor = floor;
            self.log
                .retain(|item, row| number_of(item, row).is_none_or(|number| number >= floor))?;
        }
        Ok(())
    }

    fn record(&mut self, number: u64, item: &LogItem) -> Result<()> {
        self.state.number = self.state.number.max(number);
        if *item == LogItem::All || number < self.state.floor {
            return Ok(());
        }
        let item = item.to_bytes();
        let known = self.log.get(&item[..])?;
        let known = known.and_then(|row| number_of(&item, row.value()));
        // Items may come in another order than that of their numbers.
        if known.is_none_or(|known| known < number) {
            self.log.insert(&item[..], &numbered(&item, number)[..])?;
        }
        Ok(())
    }

    /// Takes away what is over or too much, and saves the state, which is returned. `cursor`: where
    /// the dead references are looked for next.
    pub(super) fn finish(
        mut self,
        bounds: Bounds,
        cursor: &mut (u64, u64),
    ) -> Result<(State, Swept)> {
        self.ends.save(&mut self.state)?;
        let swept = self
            .ends
            .sweep(&mut self.entries, &mut self.state, bounds)?;
        self.ends.weed(&self.entries, &mut self.state, cursor)?;
        let schema = self.state.schema;
        Ok((self.save_as(schema)?, swept))
    }

    /// Saves the state, which is returned.
    pub(super) fn save_as(mut self, schema: u64) -> Result<State> {
        self.state.schema = schema;
        self.state.items = self.log.len()?;
        let mut meta = self.transaction.open_table(META)?;
        meta.insert(STATE, &self.state.to_bytes()[..])?;
        Ok(self.state)
    }
}
