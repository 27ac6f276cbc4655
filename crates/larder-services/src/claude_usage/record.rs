//! What one counted line says, in fixed-width fields.
//!
//! Names are ids here; only the ledger knows what they stand for.

use serde::{Serialize, Serializer};

/// Token counts as logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Input tokens that no cache served.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens written to the prompt cache, whatever their lifetime.
    pub cache_creation: u64,
    /// Input tokens read from the prompt cache.
    pub cache_read: u64,
}

impl Tokens {
    /// The sum of the four.
    pub fn total(&self) -> u64 {
        self.input
            .wrapping_add(self.output)
            .wrapping_add(self.cache_creation)
            .wrapping_add(self.cache_read)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.input = self.input.wrapping_add(other.input);
        self.output = self.output.wrapping_add(other.output);
        self.cache_creation = self.cache_creation.wrapping_add(other.cache_creation);
        self.cache_read = self.cache_read.wrapping_add(other.cache_read);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.input = self.input.wrapping_sub(other.input);
        self.output = self.output.wrapping_sub(other.output);
        self.cache_creation = self.cache_creation.wrapping_sub(other.cache_creation);
        self.cache_read = self.cache_read.wrapping_sub(other.cache_read);
    }
}

/// Money in whole 10⁻¹² US dollars, so that sums are exact and do not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u128);

impl Cost {
    /// `picodollars` × 10⁻¹² US dollars.
    pub const fn from_picodollars(picodollars: u128) -> Self {
        Self(picodollars)
    }

    /// In US dollars, to the nearest `f64`.
    pub fn usd(self) -> f64 {
        self.0 as f64 / 1e12
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    pub(super) fn subtract(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.usd())
    }
}

/// A time stamp that says nothing: the message goes under no day.
pub(super) const UNDATED: i64 = i64::MIN;

/// One line that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The message: a hash of its id, or, for a line that has none, of the line and its place.
    pub(super) key: u128,
    /// A hash of the request's id; 0 if the line names none.
    pub(super) request: u64,
    pub(super) tokens: Tokens,
    /// Cache writes priced at the five-minute price.
    pub(super) write_5m: u64,
    /// Cache writes priced at the one-hour price.
    pub(super) write_1h: u64,
    /// The cost that the line itself states, in picodollars.
    pub(super) stated_cost: Option<u64>,
    /// Where the line starts in its file.
    pub(super) offset: u64,
    /// Unix milliseconds, or [`UNDATED`].
    pub(super) at_ms: i64,
    pub(super) model: u32,
    pub(super) session: u32,
    pub(super) file: u32,
    /// For a line without a message id, the reading of its file that last met it; else 0.
    pub(super) reading: u32,
    pub(super) sidechain: bool,
    pub(super) fast: bool,
}
