//! Why entries leave memory, and how many have. Knows nothing of the rest of the crate.

/// Why an entry left a cache's memory.
///
/// ```
/// use larder::{RemovalCause, sync::Cache};
///
/// let files = Cache::<u64, String>::builder("files")
///     .eviction_listener(|key, path, cause| {
///         if cause != RemovalCause::Replaced {
///             println!("{path}, of {key}, is no longer needed");
///         }
///     })
///     .build()?;
/// # Ok::<_, larder::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemovalCause {
    /// Another entry needed its place.
    Capacity,
    /// Its time was over.
    Expired,
    /// Its key got another value.
    Replaced,
    /// It was taken out by its key, or with all others.
    Removed,
    /// It was found to be invalid.
    Invalidated,
    /// It is heavier than the tier may be, and never got in.
    TooHeavy,
}

/// How many entries have left a cache's memory so far, by cause.
///
/// ```
/// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
/// users.insert(7, "Ada")?;
/// users.insert(7, "Ada Lovelace")?;
/// users.invalidate(&7)?;
/// let evictions = users.evictions();
/// assert_eq!((evictions.replaced, evictions.removed), (1, 1));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evictions {
    /// Entries put out to make room for others.
    pub capacity: u64,
    /// Entries put out because their time was over. One whose key was loaded again before that
    /// counts as replaced.
    pub expired: u64,
    /// Values that another value of their key took the place of.
    pub replaced: u64,
    /// Entries taken out by their key or with all others.
    pub removed: u64,
    /// Entries taken out since an invalidation of many had made them invalid.
    pub invalidated: u64,
    /// Values never stored, since they are heavier than the cache may be.
    pub too_heavy: u64,
}

impl Evictions {
    pub(crate) fn count(&mut self, cause: RemovalCause, n: u64) {
        match cause {
            RemovalCause::Capacity => self.capacity += n,
            RemovalCause::Expired => self.expired += n,
            RemovalCause::Replaced => self.replaced += n,
            RemovalCause::Removed => self.removed += n,
            RemovalCause::Invalidated => self.invalidated += n,
            RemovalCause::TooHeavy => self.too_heavy += n,
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.capacity += other.capacity;
        self.expired += other.expired;
        self.replaced += other.replaced;
        self.removed += other.removed;
        self.invalidated += other.invalidated;
        self.too_heavy += other.too_heavy;
    }
    /// What has left since `earlier` was counted; nothing, where that was counted later.
    pub(crate) fn since(self, earlier: &Self) -> Self {
        Self {
            capacity: self.capacity.saturating_sub(earlier.capacity),
            expired: self.expired.saturating_sub(earlier.expired),
            replaced: self.replaced.saturating_sub(earlier.replaced),
            removed: self.removed.saturating_sub(earlier.removed),
            invalidated: self.invalidated.saturating_sub(earlier.invalidated),
            too_heavy: self.too_heavy.saturating_sub(earlier.too_heavy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_taken_before_a_reset_and_told_after_it_are_not_negative() {
        let mut later = Evictions::default();
        later.count(RemovalCause::Capacity, 1);
        assert_eq!(Evictions::default().since(&later), Evictions::default());
    }
}
