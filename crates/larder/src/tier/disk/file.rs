//! One cache's file: entries, the order in which they end, the invalidation log, the totals.
//!
//! ```text
//! entries  key → envelope                    expiry  (hard expiry in ms, version) → key
//! log      item → number, checksum           meta    "state" → format, schema, numbers, totals
//! ```
//! Bytes in, bytes out, each commit durable when it returns. Must not know values, queues or clocks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table,
    TableDefinition, WriteTransaction,
};
use xxhash_rust::xxh3::xxh3_64;

use super::state::State;
use crate::tier::envelope::{Place, expired, place};
use crate::tier::{LogItem, Recovered};

const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
const EXPIRY: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("expiry");
const LOG: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("log");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const STATE: &str = "state";

/// What redb keeps of the file in this process's memory.
const PAGE_CACHE_BYTES: usize = 32 << 20;
/// What an entry takes beside its key, twice, and its envelope.
const ENTRY_OVERHEAD_BYTES: u64 = 48;
/// The most entries that one commit takes away besides what it was called for.
pub(super) const SWEEP_MAX: usize = 1_000;
/// A file is compacted when it is longer than this many times its live bytes, and the slack.
/// redb doubles a file that has grown too small, and a page is seldom full: three times is common.
const AIR_FACTOR: u64 = 4;
const SLACK_BYTES: u64 = 64 << 20;

pub(super) type Result<T> = std::result::Result<T, redb::Error>;

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

/// What a commit took away besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) expired: u64,
    pub(super) evicted: u64,
    /// Whether there is more to take away.
    pub(super) has_more: bool,
}

/// What bounds the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) now_ms: u64,
    pub(super) max_bytes: u64,
}

/// An open file, with the lock that keeps others out.
pub(super) struct File {
    path: PathBuf,
    database: RwLock<Option<Arc<Database>>>,
    /// Held by the one writer.
    state: Mutex<State>,
    entries: AtomicU64,
    bytes: AtomicU64,
}

/// What identifies an entry's bytes.
pub(super) fn digest(envelope: &[u8]) -> u64 {
    xxh3_64(envelope)
}

/// A builder with this crate's settings.
pub(super) fn settings() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(PAGE_CACHE_BYTES);
    builder
}

impl File {
    /// Takes over an open database; a new one gets its tables. The entries of another schema are
    /// dropped. O(log items), and O(entries) where the file is compacted.
    pub(super) fn open(
        path: &Path,
        mut database: Database,
        schema: u64,
    ) -> Result<(Self, Recovered)> {
        let (state, items) = prepare(&database, schema)?;
        if is_mostly_air(length(path), state.bytes) {
            database.compact()?;
        }
        let recovered = Recovered {
            number: state.number,
            floor: state.floor,
            items,
        };
        let file = Self {
            path: path.to_owned(),
            database: RwLock::new(Some(Arc::new(database))),
            entries: AtomicU64::new(state.entries),
            bytes: AtomicU64::new(state.bytes),
            state: Mutex::new(state),
        };
        Ok((file, recovered))
    }

    fn database(&self) -> Result<Arc<Database>> {
        let database = self.database.read().clone();
        database.ok_or(redb::Error::DatabaseClosed)
    }

    /// Shows `with` what is stored under the key. Blocks for as long as the disk does.
    pub(super) fn read<T>(&self, key: &str, with: impl FnOnce(&[u8]) -> T) -> Result<Option<T>> {
        let entries = self.database()?.begin_read()?.open_table(ENTRIES)?;
        let found = entries.get(key.as_bytes())?;
        Ok(found.map(|found| with(found.value())))
    }

    /// Makes the changes, then takes away some of what has expired or is too much, in one durable
    /// transaction. Blocks until it is on disk.
    pub(super) fn commit(&self, changes: Vec<Change>, bounds: Bounds) -> Result<Swept> {
        let mut locked = self.state.lock();
        let mut state = *locked;
        let database = self.database()?;
        let transaction = begin(&database)?;
        let cleared = cleared(&changes);
        if let Some(floor) = cleared {
            transaction.delete_table(ENTRIES)?;
            transaction.delete_table(EXPIRY)?;
            state.clear(floor);
        }
        let mut tables = Tables::open(&transaction)?;
        tables.forget_before(cleared.unwrap_or(0))?;
        for change in changes {
            tables.apply(&mut state, change)?;
        }
        let swept = tables.sweep(&mut state, bounds)?;
        state.items = tables.log.len()?;
        drop(tables);
        save(&transaction, &state)?;
        transaction.commit()?;
        self.entries.store(state.entries, Ordering::Relaxed);
        self.bytes.store(state.bytes, Ordering::Relaxed);
        *locked = state;
        Ok(swept)
    }

    /// Whether something has expired by now.
    pub(super) fn has_expired(&self, now_ms: u64) -> Result<bool> {
        let expiry = self.database()?.begin_read()?.open_table(EXPIRY)?;
        let first = expiry.first()?;
        Ok(first.is_some_and(|(place, _)| place.value().0 <= now_ms))
    }

    /// Entries, and the bytes that they are counted with.
    pub(super) fn live(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.entries), read(&self.bytes))
    }

    /// The file's length.
    pub(super) fn length(&self) -> u64 {
        length(&self.path)
    }

    /// Gives the file free.
    pub(super) fn close(&self) {
        let database = self.database.write().take();
        drop(database);
    }

    /// Takes the file out of the directory, so that no later start trusts it, and closes it.
    pub(super) fn remove(&self) -> std::io::Result<()> {
        let remove = || match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        let mut removed = remove();
        self.close();
        if removed.is_err() {
            // Some systems remove no open file.
            removed = remove();
        }
        removed.and_then(|()| sync_directory(&self.path))
    }
}

/// Makes a change of the directory's own entries durable.
#[cfg(unix)]
pub(super) fn sync_directory(path: &Path) -> std::io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| std::fs::File::open(parent)?.sync_all())
}

/// Elsewhere a directory cannot be synchronised, and need not be.
#[cfg(not(unix))]
pub(super) fn sync_directory(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

/// Whether compaction is worth the time that an open then takes.
pub(super) const fn is_mostly_air(length: u64, live: u64) -> bool {
    length > live.saturating_mul(AIR_FACTOR).saturating_add(SLACK_BYTES)
}

/// The last `clear` among the changes.
fn cleared(changes: &[Change]) -> Option<u64> {
    let floors = changes.iter().filter_map(|change| match change {
        Change::Record { number, item, .. } if *item == LogItem::All => Some(*number),
        _ => None,
    });
    floors.max()
}

fn begin(database: &Database) -> Result<WriteTransaction> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn save(transaction: &WriteTransaction, state: &State) -> Result<()> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(STATE, &state.to_bytes()[..])?;
    Ok(())
}

/// Reads the state and the log of a file, and makes those of a new one. A file that is as it should
/// be is only read: the first write after a crash takes longer, and need not be waited for here.
fn prepare(database: &Database, schema: u64) -> Result<(State, Vec<(u64, LogItem)>)> {
    let stored = stored_state(database)?;
    if let Some(state) = stored
        && state.schema == schema
    {
        return Ok((state, items(database, &state)?));
    }
    let transaction = begin(database)?;
    let mut state = stored.unwrap_or_else(|| State::new(schema));
    if state.schema != schema {
        tracing::info!(
            former = state.schema,
            schema,
            "the disk tier's entries are of another schema: dropped"
        );
        transaction.delete_table(ENTRIES)?;
        transaction.delete_table(EXPIRY)?;
        state.drop_entries();
        state.schema = schema;
    }
    drop(Tables::open(&transaction)?);
    save(&transaction, &state)?;
    transaction.commit()?;
    Ok((state, items(database, &state)?))
}

/// `None` in a new file.
fn stored_state(database: &Database) -> Result<Option<State>> {
    let meta = match database.begin_read()?.open_table(META) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        other => other?,
    };
    let stored = meta.get(STATE)?;
    let stored = stored.map(|state| State::from_bytes(state.value()));
    stored.transpose().map_err(redb::Error::Corrupted)
}

/// The log, in the order of its numbers. One damaged or missing item damns the file: what it hid is unknown.
fn items(database: &Database, state: &State) -> Result<Vec<(u64, LogItem)>> {
    let log = database.begin_read()?.open_table(LOG)?;
    let mut items = Vec::new();
    for row in log.iter()? {
        let (item, number) = row?;
        let read = LogItem::from_bytes(item.value()).zip(number_of(item.value(), number.value()));
        let (item, number) = read.ok_or_else(|| damaged("an item of the invalidation log"))?;
        items.push((number, item));
    }
    if items.len() as u64 != state.items {
        return Err(damaged("the invalidation log"));
    }
    items.sort_unstable_by_key(|(number, _)| *number);
    Ok(items)
}

fn damaged(what: &str) -> redb::Error {
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

fn number_of(item: &[u8], row: &[u8]) -> Option<u64> {
    let number = u64::from_le_bytes(row.get(..8)?.try_into().ok()?);
    (row == numbered(item, number)).then_some(number)
}

fn live_bytes(key: &[u8], envelope: usize) -> u64 {
    (2 * key.len() + envelope) as u64 + ENTRY_OVERHEAD_BYTES
}

struct Tables<'t> {
    entries: Table<'t, &'static [u8], &'static [u8]>,
    expiry: Table<'t, (u64, u64), &'static [u8]>,
    log: Table<'t, &'static [u8], &'static [u8]>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self> {
        Ok(Self {
            entries: transaction.open_table(ENTRIES)?,
            expiry: transaction.open_table(EXPIRY)?,
            log: transaction.open_table(LOG)?,
        })
    }

    fn apply(&mut self, state: &mut State, change: Change) -> Result<()> {
        match change {
            Change::Put { key, envelope } => self.put(state, key.as_bytes(), &envelope),
            Change::Remove { key } => self.remove(state, key.as_bytes()),
            Change::Expire { key, soft_ms } => self.expire(&key, soft_ms),
            Change::Reclaim { key, which } => {
                let stored = self.entries.get(key.as_bytes())?;
                let still_stands = stored.is_some_and(|stored| which.is(stored.value()));
                if still_stands {
                    self.remove(state, key.as_bytes())?;
                }
                Ok(())
            }
            Change::Record {
                number,
                item,
                floor,
            } => self.record(state, number, &item, floor),
        }
    }

    fn put(&mut self, state: &mut State, key: &[u8], envelope: &[u8]) -> Result<()> {
        let Some(new) = place(envelope) else {
            return Ok(());
        };
        // What a clear has made invalid before it was written.
        if new.version < state.floor {
            return Ok(());
        }
        let former = self.entries.insert(key, envelope)?;
        let former = former.map(|former| (place(former.value()), former.value().len()));
        if let Some((place, length)) = former {
            self.left(state, key, place, length)?;
        }
        self.expiry.insert((new.hard_ms, new.version), key)?;
        state.entered(live_bytes(key, envelope.len()), new.version);
        Ok(())
    }

    fn remove(&mut self, state: &mut State, key: &[u8]) -> Result<()> {
        let former = self.entries.remove(key)?;
        let former = former.map(|former| (place(former.value()), former.value().len()));
        if let Some((place, length)) = former {
            self.left(state, key, place, length)?;
        }
        Ok(())
    }

    /// Accounts for an entry that stands no more.
    fn left(
        &mut self,
        state: &mut State,
        key: &[u8],
        place: Option<Place>,
        length: usize,
    ) -> Result<()> {
        state.left(live_bytes(key, length));
        if let Some(Place { hard_ms, version }) = place {
            self.expiry.remove((hard_ms, version))?;
        }
        Ok(())
    }

    fn expire(&mut self, key: &str, soft_ms: u64) -> Result<()> {
        let stored = self.entries.get(key.as_bytes())?;
        let expired = stored.and_then(|stored| expired(key, stored.value(), soft_ms));
        if let Some(expired) = expired {
            self.entries.insert(key.as_bytes(), &expired[..])?;
        }
        Ok(())
    }

    fn record(&mut self, state: &mut State, number: u64, item: &LogItem, floor: u64) -> Result<()> {
        state.number = state.number.max(number);
        if floor > state.floor {
            state.floor = floor;
            self.forget_before(floor)?;
        }
        if *item == LogItem::All || number < state.floor {
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

    /// Drops the log's items under `floor`.
    fn forget_before(&mut self, floor: u64) -> Result<()> {
        if floor > 0 {
            self.log
                .retain(|item, row| number_of(item, row).is_none_or(|number| number >= floor))?;
        }
        Ok(())
    }

    /// Takes away what has expired, then, while there is too much, what ends first.
    fn sweep(&mut self, state: &mut State, bounds: Bounds) -> Result<Swept> {
        let mut swept = Swept::default();
        for _ in 0..SWEEP_MAX {
            let first = self.expiry.first()?;
            let Some((first, key)) =
                first.map(|(first, key)| (first.value(), key.value().to_vec()))
            else {
                return Ok(swept);
            };
            if first.0 <= bounds.now_ms {
                swept.expired += 1;
            } else if state.bytes > bounds.max_bytes {
                swept.evicted += 1;
            } else {
                return Ok(swept);
            }
            self.expiry.remove(first)?;
            let stored = self.entries.get(&key[..])?;
            let is_its = stored.is_some_and(|stored| {
                place(stored.value()).is_none_or(|own| (own.hard_ms, own.version) == first)
            });
            if is_its {
                self.remove(state, &key)?;
            }
        }
        swept.has_more = true;
        Ok(swept)
    }
}
