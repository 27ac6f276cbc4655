//! A value with what is known about it.

use std::time::Duration;

/// A cached value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<V> {
    /// The value.
    pub value: V,
    /// Where this call found it.
    pub source: Source,
    /// Time since it was stored; zero for a value that was just loaded.
    pub age: Duration,
    /// Identifies the stored value: two equal versions of a key are the same value. A value may be
    /// given a newer one when an invalidation has passed it by.
    pub version: u64,
    /// Whether it is past its time to live, and served all the same because the policy says so.
    pub is_stale: bool,
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// This process's memory.
    Memory,
    /// The loader, run for this call or for another that it waited with.
    Loader,
}

/// How far an invalidation or an insert has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// Every instance that shares the cache's tiers: with memory as the only one, this process.
    Everywhere,
    /// Nowhere: an insert with a [`Fence`] came after the key was written or invalidated. What the
    /// cache holds is newer.
    Fenced,
}

/// A point in a cache's history, from [`Cache::fence`](crate::Cache::fence): what was read from the
/// origin after it was taken may be stored as long as nothing has invalidated it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence(pub(crate) u64);

/// What an invalidation is for, by texts alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// The key of this text.
    Key(&'a str),
    /// What has this tag.
    Tag(&'a str),
    /// Keys whose text starts so.
    Prefix(&'a str),
    /// Keys whose text matches as a whole: `*`, `?`, `[a-z]`.
    Pattern(&'a str),
}

/// What is known of a stored entry, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryInfo {
    /// The key's text.
    pub key: String,
    /// Time since it was stored.
    pub age: Duration,
    /// Time until it expires; `None` if it does not.
    pub remaining: Option<Duration>,
    /// Identifies the stored value.
    pub version: u64,
}

/// Why an entry left a cache's memory.
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
