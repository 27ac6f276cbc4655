//! What leaves the memory tier, and why.
//!
//! Entries are handed out so that they drop, and listeners run, after the shard's lock is released.

pub(crate) use crate::removal::RemovalCause as Cause;

/// An entry that left, or that never got in.
#[derive(Debug)]
pub(crate) struct Departed<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    /// The note that was given with the value.
    pub(crate) note: u32,
    pub(crate) cause: Cause,
}

/// The entries that one call put out, in order. One costs no allocation.
#[derive(Debug)]
#[must_use = "entries drop, and listeners run, where this ends"]
pub(crate) struct Departures<K, V> {
    first: Option<Departed<K, V>>,
    rest: Vec<Departed<K, V>>,
}

impl<K, V> Departures<K, V> {
    pub(crate) const fn new() -> Self {
        Self {
            first: None,
            rest: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, departed: Departed<K, V>) {
        if self.first.is_none() {
            self.first = Some(departed);
        } else {
            self.rest.push(departed);
        }
    }

    /// Shows them to `f` in order.
    #[inline]
    pub(crate) fn for_each(&self, f: impl FnMut(&Departed<K, V>)) {
        self.first.iter().chain(&self.rest).for_each(f);
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

#[cfg(test)]
impl<K, V> IntoIterator for Departures<K, V> {
    type Item = Departed<K, V>;
    type IntoIter =
        std::iter::Chain<std::option::IntoIter<Self::Item>, std::vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}
