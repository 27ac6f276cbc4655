//! What leaves the memory tier, and why.
//!
//! Entries are handed out so that they drop, and listeners run, after the shard's lock is released.

pub(crate) use crate::entry::RemovalCause as Cause;

/// An entry that left, or that never got in.
#[derive(Debug)]
pub(crate) struct Departed<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    /// The note that was given with the value.
    pub(crate) note: u32,
    pub(crate) cause: Cause,
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
    pub(super) fn count(&mut self, cause: Cause, n: u64) {
        match cause {
            Cause::Capacity => self.capacity += n,
            Cause::Expired => self.expired += n,
            Cause::Replaced => self.replaced += n,
            Cause::Removed => self.removed += n,
            Cause::Invalidated => self.invalidated += n,
            Cause::TooHeavy => self.too_heavy += n,
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.capacity += other.capacity;
        self.expired += other.expired;
        self.replaced += other.replaced;
        self.removed += other.removed;
        self.invalidated += other.invalidated;
        self.too_heavy += other.too_heavy;
    }
}

/// The entries that one call put out, in order. One costs no allocation.
#[derive(Debug)]
#[must_use = "entries drop, and listeners run, where this ends"]
pub(crate) struct Departures<K, V> {
    first: Option<Departed<K, V>>,
    rest: Vec<Departed<K, V>>,
}

impl<K, V> Departures<K, V> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            rest: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, departed: Departed<K, V>) {
        if self.first.is_none() {
            self.first = Some(departed);
        } else {
            self.rest.push(departed);
        }
    }
}

impl<K, V> Extend<Departed<K, V>> for Departures<K, V> {
    fn extend<T: IntoIterator<Item = Departed<K, V>>>(&mut self, departed: T) {
        departed
            .into_iter()
            .for_each(|departed| self.push(departed));
    }
}

impl<K, V> From<Option<Departed<K, V>>> for Departures<K, V> {
    fn from(first: Option<Departed<K, V>>) -> Self {
        Self {
            first,
            rest: Vec::new(),
        }
    }
}

impl<K, V> IntoIterator for Departures<K, V> {
    type Item = Departed<K, V>;
    type IntoIter =
        std::iter::Chain<std::option::IntoIter<Self::Item>, std::vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}
