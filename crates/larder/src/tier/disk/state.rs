//! What a file says of itself: one row, with a checksum. Knows no tables.

use xxhash_rust::xxh3::xxh3_64;

/// The layout of the tables that this version writes, and reads with the one before it: 3 has the table
/// `outbox`, without which an older version would forget what it has to tell.
const FORMAT: u64 = 3;
const READ: [u64; 2] = [2, FORMAT];
const FIELDS: usize = 9;
const BYTES: usize = (FIELDS + 1) * 8;

/// Numbers and totals, as of the last commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The type layout of the values.
    pub(super) schema: u64,
    /// No stored value or log item has a higher number.
    pub(super) number: u64,
    /// What has a lower number is invalid.
    pub(super) floor: u64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// Items in the log.
    pub(super) items: u64,
    /// References to entries in the order of their ends, dead ones too.
    pub(super) references: u64,
    /// The number of the last row of references.
    pub(super) rows: u64,
}

impl State {
    pub(super) const fn new(schema: u64) -> Self {
        Self {
            schema,
            number: 0,
            floor: 0,
            entries: 0,
            bytes: 0,
            items: 0,
            references: 0,
            rows: 0,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let fields = [
            FORMAT,
            self.schema,
            self.number,
            self.floor,
            self.entries,
            self.bytes,
            self.items,
            self.references,
            self.rows,
        ];
        for (slot, field) in bytes.chunks_exact_mut(8).zip(fields) {
            slot.copy_from_slice(&field.to_le_bytes());
        }
        let checksum = xxh3_64(&bytes[..FIELDS * 8]);
        bytes[FIELDS * 8..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// # Errors
    /// What is wrong with the bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let fields: Vec<u64> = bytes
            .as_chunks()
            .0
            .iter()
            .map(|field| u64::from_le_bytes(*field))
            .collect();
        if let Some(&format) = fields.first()
            && !READ.contains(&format)
        {
            return Err(format!(
                "format {format}; this version reads formats 2 and 3"
            ));
        }
        match fields[..] {
            [
                _,
                schema,
                number,
                floor,
                entries,
                live,
                items,
                references,
                rows,
                checksum,
            ] if bytes.len() == BYTES && checksum == xxh3_64(&bytes[..FIELDS * 8]) => Ok(Self {
                schema,
                number,
                floor,
                entries,
                bytes: live,
                items,
                references,
                rows,
            }),
            _ => Err("the state is damaged".into()),
        }
    }

    pub(super) fn entered(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }

    pub(super) fn left(&mut self, bytes: u64) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    pub(super) fn drop_entries(&mut self) {
        (self.entries, self.bytes, self.references) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_was_changed_by_a_bit_is_refused() {
        let mut state = State::new(3);
        state.entered(100);
        state.number = 7;
        let bytes = state.to_bytes();
        assert_eq!(State::from_bytes(&bytes), Ok(state));
        let of_format = |format: u64| {
            let mut other = bytes;
            other[..8].copy_from_slice(&format.to_le_bytes());
            let checksum = xxh3_64(&other[..FIELDS * 8]);
            other[FIELDS * 8..].copy_from_slice(&checksum.to_le_bytes());
            State::from_bytes(&other)
        };
        assert_eq!(of_format(2), Ok(state), "the one before had no outbox");
        assert!(of_format(1).is_err() && of_format(4).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(State::from_bytes(&changed).is_err(), "bit {bit}");
        }
        assert!(State::from_bytes(&bytes[..40]).is_err());
        assert!(State::from_bytes(&[]).is_err());
    }
}
