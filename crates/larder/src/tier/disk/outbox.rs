//! The table of invalidations that wait to be sent to the shared store: `outbox  what → checksum`.
//!
//! Bytes in, bytes out. Must not know what becomes of them.

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition};
use xxhash_rust::xxh3::xxh3_64;

use super::file::Result;
use super::tables::damaged;
use crate::tier::{Dues, Owed};

pub(super) const OUTBOX: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("outbox");

/// Makes a change. O(log n) for each row, O(n) where all go.
pub(super) fn change(
    table: &mut Table<'_, &'static [u8], &'static [u8]>,
    dues: &Dues,
) -> Result<()> {
    if dues.clears {
        table.retain(|_, _| false)?;
    }
    for paid in &dues.paid {
        table.remove(&paid.to_bytes()[..])?;
    }
    for owed in &dues.owed {
        let row = owed.to_bytes();
        table.insert(&row[..], &xxh3_64(&row).to_le_bytes()[..])?;
    }
    Ok(())
}

/// All that is owed. A damaged row damns the file: what it would have made invalid is unknown.
pub(super) fn owed(database: &Database) -> Result<Vec<Owed>> {
    let table = match database.begin_read()?.open_table(OUTBOX) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        other => other?,
    };
    let mut owed = Vec::new();
    for row in table.iter()? {
        let (row, checksum) = row?;
        let is_whole = checksum.value() == xxh3_64(row.value()).to_le_bytes();
        let read = Owed::from_bytes(row.value()).filter(|_| is_whole);
        owed.push(read.ok_or_else(|| damaged("an invalidation that waits"))?);
    }
    Ok(owed)
}
