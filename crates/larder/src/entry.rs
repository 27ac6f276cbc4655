//! A value with what is known about it.

use std::time::Duration;

/// A cached value and where it came from.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder::{Cache, Source};
///
/// let users = Cache::<u64, &str>::builder("users").build()?;
/// users.insert(7, "Ada").await?;
/// let entry = users.get(&7).await?.expect("it was just inserted");
/// assert_eq!((entry.value, entry.source), ("Ada", Source::Memory));
/// assert!(!entry.is_stale);
/// # Ok(()) }
/// ```
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
    /// The version that the value has in a store that processes share, where that is known.
    pub(crate) mark: Option<u64>,
}

/// Where a value came from.
///
/// ```
/// use larder::{Source, sync::Cache};
///
/// let squares = Cache::<u64, u64>::builder("squares").build()?;
/// let load = |key: &u64| Ok::<_, std::io::Error>(key * key);
/// assert_eq!(squares.entry(&7).or_load(load)?.source, Source::Loader);
/// assert_eq!(squares.entry(&7).or_load(load)?.source, Source::Memory);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// This process's memory.
    Memory,
    /// This machine's disk.
    Disk,
    /// The store that processes share.
    Remote,
    /// The loader, run for this call or for another that it waited with.
    Loader,
}

impl Source {
    /// As traces name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Remote => "remote",
            Self::Loader => "loader",
        }
    }
}

/// How far an invalidation or an insert has reached.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder::{Applied, Cache};
///
/// let users = Cache::<u64, &str>::builder("users").build()?;
/// assert_eq!(users.invalidate(&7).await?, Applied::Everywhere);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// Every instance that shares the cache's tiers: with memory as the only one, this process.
    Everywhere,
    /// This process alone: the store that it shares with others did not acknowledge. What was there is
    /// invalidated as soon as it answers, before it is read again.
    Here,
    /// Nowhere: an insert with a [`Fence`] came after the key was written or invalidated. What the
    /// cache holds is newer.
    Fenced,
}

/// A point in a cache's history, from [`Cache::fence`](crate::Cache::fence): what was read from the
/// origin after it was taken may be stored as long as nothing has invalidated it since.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
/// let fence = users.fence();
/// let name = "Ada"; // read from the database
/// users.entry(&7).fenced_by(fence).insert(name).await?;
/// assert_eq!(users.peek(&7), Some("Ada"));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence(pub(crate) u64);

/// What an invalidation is for, by texts alone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder::{Cache, Scope};
///
/// let users = Cache::<(String, u64), &str>::builder("users").build()?;
/// users.insert(("eu".into(), 7), "Ada").await?;
/// users.insert(("us".into(), 7), "Bob").await?;
/// assert_eq!(users.count_in_scope(Scope::Prefix("eu:"))?, 1);
/// assert_eq!(users.count_in_scope(Scope::Pattern("*:7"))?, 2);
/// # Ok(()) }
/// ```
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
///
/// ```
/// use std::time::Duration;
/// use larder::{Policy, sync::Cache};
///
/// let users = Cache::<u64, &str>::builder("users")
///     .policy(Policy::ttl(Duration::from_secs(60)))
///     .build()?;
/// users.insert(7, "Ada")?;
/// let info = users.entry_info(&7).expect("it was just inserted");
/// assert_eq!(info.key, "7");
/// assert!(info.remaining <= Some(Duration::from_secs(60)));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
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
