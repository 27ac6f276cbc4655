//! The order in which entries end: rows of references, one a commit for each end.
//!
//! ```text
//! (end in ms, row's number) → [version u64 · key length u32 · key]*
//! ```
//! Ends are rounded up by a sixteenth of an entry's life, so that a commit adds a few rows and not
//! one for each entry. A reference may outlive its entry: whoever meets it looks whether the entry
//! still stands, and when there are more dead than live ones they are weeded out, some a commit.
//! Must not know values or clocks.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::file::Result;
use super::state::State;
use super::tables::{Entries, damaged};
use crate::tier::envelope::{NEVER_MS, Place};

pub(super) const ENDS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("ends");

/// The most references that one commit looks at to take entries away, but for a row's last.
pub(super) const SWEEP_MAX: usize = 1_000;
/// The same to weed dead ones out: more than a commit adds.
const WEED_MAX: usize = 2_000;
/// Dead references that are left alone besides as many as there are entries.
const DEAD_SLACK: u64 = 4_096;
const HEAD_BYTES: usize = 12;

type RowAt = (u64, u64);

/// What bounds the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) now_ms: u64,
    pub(super) max_bytes: u64,
}

/// What a commit took away besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) expired: u64,
    pub(super) evicted: u64,
    /// Whether there is more to take away.
    pub(super) has_more: bool,
}

/// The row's end for an entry of this place: no earlier than its own.
pub(super) fn end_of(place: Place) -> u64 {
    if place.hard_ms == NEVER_MS {
        return NEVER_MS;
    }
    let life = place.hard_ms.saturating_sub(place.created_ms);
    let width = 1 << (life / 16).max(1).ilog2();
    place
        .hard_ms
        .checked_next_multiple_of(width)
        .unwrap_or(NEVER_MS)
}

pub(super) struct Ends<'t> {
    table: Table<'t, RowAt, &'static [u8]>,
    /// What this commit adds, by end.
    coming: BTreeMap<u64, Vec<u8>>,
}

/// What a row says of one entry.
struct Reference<'a> {
    version: u64,
    key: &'a [u8],
}

impl<'t> Ends<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self> {
        Ok(Self {
            table: transaction.open_table(ENDS)?,
            coming: BTreeMap::new(),
        })
    }

    /// Notes when an entry ends.
    pub(super) fn note(&mut self, state: &mut State, key: &[u8], place: Place) {
        let row = self.coming.entry(end_of(place)).or_default();
        row.extend(place.version.to_le_bytes());
        row.extend((key.len() as u32).to_le_bytes());
        row.extend(key);
        state.references += 1;
    }

    /// Writes what was noted.
    pub(super) fn save(&mut self, state: &mut State) -> Result<()> {
        for (end, row) in std::mem::take(&mut self.coming) {
            state.rows += 1;
            self.table.insert((end, state.rows), &row[..])?;
        }
        Ok(())
    }

    /// Takes away what has ended, then, while there is too much, what ends first.
    pub(super) fn sweep(
        &mut self,
        entries: &mut Entries<'_>,
        state: &mut State,
        bounds: Bounds,
    ) -> Result<Swept> {
        let (mut swept, mut looked_at) = (Swept::default(), 0);
        loop {
            let first = self.table.first()?;
            let Some((at, row)) = first.map(|(at, row)| (at.value(), row.value().to_vec())) else {
                return Ok(swept);
            };
            let has_ended = at.0 <= bounds.now_ms;
            if !has_ended && state.bytes <= bounds.max_bytes {
                return Ok(swept);
            }
            if looked_at >= SWEEP_MAX {
                swept.has_more = true;
                return Ok(swept);
            }
            let mut rest = &row[..];
            while (has_ended || state.bytes > bounds.max_bytes)
                && let Some(reference) = next(&mut rest)?
            {
                looked_at += 1;
                state.references = state.references.saturating_sub(1);
                if reference.stands(entries, at.0)? {
                    entries.remove(state, reference.key)?;
                    if has_ended {
                        swept.expired += 1;
                    } else {
                        swept.evicted += 1;
                    }
                }
            }
            self.replace(at, rest)?;
        }
    }

    /// Drops references to what stands no more, if they are many: some rows, from `cursor` on.
    pub(super) fn weed(
        &mut self,
        entries: &Entries<'_>,
        state: &mut State,
        cursor: &mut RowAt,
    ) -> Result<()> {
        if state.references <= 2 * state.entries + DEAD_SLACK {
            return Ok(());
        }
        let mut looked_at = 0;
        while looked_at < WEED_MAX {
            let mut rows = self.table.range(*cursor..)?;
            let Some(row) = rows.next() else {
                *cursor = (0, 0);
                break;
            };
            let (at, row) = row.map(|(at, row)| (at.value(), row.value().to_vec()))?;
            drop(rows);
            let (mut kept, mut rest, mut dead) = (Vec::new(), &row[..], 0);
            while let Some(reference) = next(&mut rest)? {
                looked_at += 1;
                if reference.stands(entries, at.0)? {
                    reference.write(&mut kept);
                } else {
                    dead += 1;
                }
            }
            if dead > 0 {
                state.references = state.references.saturating_sub(dead);
                self.replace(at, &kept)?;
            }
            *cursor = (at.0, at.1 + 1);
        }
        Ok(())
    }

    fn replace(&mut self, at: RowAt, row: &[u8]) -> Result<()> {
        if row.is_empty() {
            self.table.remove(at)?;
        } else {
            self.table.insert(at, row)?;
        }
        Ok(())
    }
}

impl Reference<'_> {
    /// Whether this is what tells of the entry that its key has now.
    fn stands(&self, entries: &Entries<'_>, end: u64) -> Result<bool> {
        entries.has(self.key, |place| {
            // What cannot be read may go with any reference.
            place.is_none_or(|place| place.version == self.version && end_of(place) == end)
        })
    }

    fn write(&self, row: &mut Vec<u8>) {
        row.extend(self.version.to_le_bytes());
        row.extend((self.key.len() as u32).to_le_bytes());
        row.extend(self.key);
    }
}

/// Takes the first reference off a row.
fn next<'a>(row: &mut &'a [u8]) -> Result<Option<Reference<'a>>> {
    if row.is_empty() {
        return Ok(None);
    }
    let parts = row.split_at_checked(HEAD_BYTES).and_then(|(head, rest)| {
        let (version, length) = head.split_at(8);
        let version = u64::from_le_bytes(version.try_into().ok()?);
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let (key, rest) = rest.split_at_checked(length)?;
        Some((Reference { version, key }, rest))
    });
    let (reference, rest) = parts.ok_or_else(|| damaged("the order in which entries end"))?;
    *row = rest;
    Ok(Some(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_rounded_up_by_a_sixteenth_of_the_life_at_most() {
        let place = |created_ms, hard_ms| Place {
            created_ms,
            hard_ms,
            version: 1,
        };
        for life in [0, 1, 15, 16, 17, 1_000, 300_000, 86_400_000, u64::MAX / 4] {
            for created in [0, 7, 1_000_003, 1_790_000_000_123] {
                let end = end_of(place(created, created + life));
                let late = end - (created + life);
                assert!(late <= life / 16, "{created} {life} {end}");
            }
        }
        assert_eq!(end_of(place(5, NEVER_MS)), NEVER_MS);
        assert_eq!(end_of(place(0, NEVER_MS - 1)), NEVER_MS);
        assert_eq!(end_of(place(9, 4)), 4);
    }

    #[test]
    fn a_row_that_ends_within_a_reference_is_an_error() {
        let mut row = Vec::new();
        let reference = Reference {
            version: 7,
            key: b"key",
        };
        reference.write(&mut row);
        reference.write(&mut row);
        let read = |mut rest: &[u8]| {
            let mut count = 0;
            while next(&mut rest)?.is_some_and(|r| r.version == 7 && r.key == b"key") {
                count += 1;
            }
            Result::Ok(count)
        };
        assert_eq!(read(&row).unwrap(), 2);
        for length in (0..row.len()).filter(|length| length % 15 != 0) {
            assert!(read(&row[..length]).is_err(), "{length}");
        }
    }
}
