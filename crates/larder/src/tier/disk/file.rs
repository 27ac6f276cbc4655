//! One cache's file: opened, read, written in durable commits, taken away.
//!
//! Bytes in, bytes out, each commit durable when it returns. Must not know values, queues or clocks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, WriteTransaction};
use xxhash_rust::xxh3::xxh3_64;

use super::ends::{Bounds, ENDS, Swept};
use super::outbox;
use super::state::State;
use super::tables::{Change, ENTRIES, LOG, META, STATE, Tables, damaged, number_of};
use crate::tier::{LogItem, Recovered};

/// What redb keeps of the file in this process's memory.
const PAGE_CACHE_BYTES: usize = 32 << 20;
/// A file is compacted when it is longer than this many times its live bytes, and the slack.
/// redb doubles a file that has grown too small, and a page is seldom full: three times is common.
const AIR_FACTOR: u64 = 4;
const SLACK_BYTES: u64 = 64 << 20;

pub(super) type Result<T> = std::result::Result<T, redb::Error>;

/// An open file, with the lock that keeps others out.
pub(super) struct File {
    path: PathBuf,
    database: RwLock<Option<Arc<Database>>>,
    /// Held by the one writer, with where it looks for dead references next.
    written: Mutex<(State, (u64, u64))>,
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
        let owed = outbox::owed(&database)?;
        if is_mostly_air(length(path), state.bytes) {
            database.compact()?;
        }
        let recovered = Recovered {
            number: state.number,
            floor: state.floor,
            items,
            owed,
        };
        let file = Self {
            path: path.to_owned(),
            database: RwLock::new(Some(Arc::new(database))),
            entries: AtomicU64::new(state.entries),
            bytes: AtomicU64::new(state.bytes),
            written: Mutex::new((state, (0, 0))),
        };
        Ok((file, recovered))
    }

    /// In place of a file that could not be opened.
    pub(super) fn none(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            database: RwLock::new(None),
            entries: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            written: Mutex::new((State::new(0), (0, 0))),
        }
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

    /// Makes the changes as they come, then takes away some of what has ended or is too much, in one
    /// durable transaction. Blocks until it is on disk.
    pub(super) fn commit(
        &self,
        changes: impl IntoIterator<Item = Change>,
        bounds: Bounds,
    ) -> Result<Swept> {
        let mut written = self.written.lock();
        let (state, mut cursor) = *written;
        let database = self.database()?;
        let transaction = begin(&database)?;
        let mut tables = Tables::open(&transaction, state)?;
        for change in changes {
            if change.is_clear() {
                tables = tables.drop_entries()?;
            }
            tables.apply(change)?;
        }
        let (state, swept) = tables.finish(bounds, &mut cursor)?;
        transaction.commit()?;
        self.entries.store(state.entries, Ordering::Relaxed);
        self.bytes.store(state.bytes, Ordering::Relaxed);
        *written = (state, cursor);
        Ok(swept)
    }

    /// Whether there is something that has ended by now.
    pub(super) fn has_ended(&self, now_ms: u64) -> Result<bool> {
        let ends = self.database()?.begin_read()?.open_table(ENDS)?;
        let first = ends.first()?;
        Ok(first.is_some_and(|(place, _)| place.value().0 <= now_ms))
    }

    /// Entries, and the bytes that they are counted with.
    pub(super) fn live(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.entries), read(&self.bytes))
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> State {
        self.written.lock().0
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

fn begin(database: &Database) -> Result<WriteTransaction> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_quick_repair(true);
    Ok(transaction)
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
    let mut tables = Tables::open(&transaction, stored.unwrap_or_else(|| State::new(schema)))?;
    if let Some(State { schema: former, .. }) = stored {
        tracing::info!(
            former,
            schema,
            "the disk tier's entries are of another schema: dropped"
        );
        tables = tables.drop_entries()?;
    }
    let state = tables.save_as(schema)?;
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
