//! The figures of a tier under memory.

/// A tier's figures since the cache was built. Counts of reads are of this process; what is held is
/// the tier's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierStats {
    /// Reads that found a valid value, stale ones among them.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Values written.
    pub puts: u64,
    /// Values not written: the queue was full, or they were too large or could not be encoded.
    pub put_drops: u64,
    /// Entries found damaged, of an unknown format, or of no use to the value's type: misses, and
    /// removed.
    pub undecodable: u64,
    /// Entries found that an invalidation had made invalid: misses, and removed.
    pub invalid: u64,
    /// Entries removed because they had expired.
    pub expired: u64,
    /// Entries removed to keep the tier within its size.
    pub evicted: u64,
    /// Entries held, expired ones that are not removed yet among them.
    pub entries: u64,
    /// What they take, with their keys and what is kept to find them.
    pub bytes: u64,
    /// The most that they may take.
    pub max_bytes: u64,
    /// The file's length.
    pub file_bytes: u64,
    /// Writes waiting to be made durable.
    pub waiting: u64,
    /// Why the tier has switched itself off, if it has. Memory and loads go on.
    pub degraded: Option<String>,
}
