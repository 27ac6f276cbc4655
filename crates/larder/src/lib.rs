//! A cache layer for services: tiered, coherent, and it shows what it saves.
//!
//! [`Cache`] answers from memory what was loaded before, runs one load however many ask, and keeps
//! one promise that is easily lost: **a value that was invalidated is not served again**, not even
//! by a load that was running when it was invalidated. [`Snapshots`] keeps a value that is slow to
//! make, refreshed in the background, with its history.
//!
//! ```
//! use std::time::Duration;
//! use larder::{Cache, Policy};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let prices = Cache::<String, u32>::builder("prices")
//!     .max_capacity(10_000)
//!     .policy(Policy::ttl(Duration::from_secs(60)))
//!     .build()?;
//!
//! let price = prices.get_or_load("apple", |cx| async move { look_up(cx.key()).await }).await?;
//! assert_eq!(price, 5);
//! prices.invalidate("apple").await?;
//! assert_eq!(prices.peek("apple"), None);
//! assert_eq!(prices.stats().loads, 1);
//! # async fn look_up(name: &str) -> Result<u32, std::io::Error> { Ok(name.len() as u32) }
//! # Ok(()) }
//! ```
//!
//! The crate reads no environment, holds no global but the coarse clock's thread, and knows no HTTP.

#[cfg(any(test, fuzzing))]
extern crate self as larder;

mod any;
pub mod audit;
mod backoff;
#[cfg(doctest)]
mod book;
mod builder;
mod cache;
mod checks;
mod clock;
mod entry;
mod error;
mod export;
mod flight;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod glob;
mod hooks;
mod key;
mod learn;
mod loader;
mod log;
#[doc(hidden)]
pub mod macros;
mod misses;
mod notes;
mod observe;
mod policy;
#[cfg(test)]
mod proof;
pub mod recommend;
pub mod remote;
mod removal;
mod shim;
mod shown;
mod snapshots;
mod spans;
mod stripes;
pub mod sync;
mod tally;
mod tier;
mod tier_stats;

pub use any::{AnyCache, Change};
pub use builder::{Builder, Tiers};
pub use cache::{
    Cache, CutOff, Explanation, Held, KeepFresh, Kept, Lookup, Reclaimed, Reclaiming, Sharing,
    Warmed,
};
pub use clock::{Clock, ManualClock, Tick};
pub use entry::{Applied, Entry, EntryInfo, Fence, Scope, Source};
pub use error::{BuildError, Error, LoadError, PatternError};
pub use export::{export, exported};
pub use hooks::Happening;
pub use key::{CacheKey, KeyRef};
/// # Examples
/// ```
/// use std::sync::LazyLock;
/// use larder::{Cache, cached};
///
/// static USERS: LazyLock<Cache<String, String>> =
///     LazyLock::new(|| Cache::builder("users").build().expect("the settings are right"));
///
/// /// The name of a user.
/// #[cached(cache = USERS, key = "user:{id}", ttl = "5m")]
/// async fn user(id: u64) -> Result<String, larder::Error> {
///     Ok(format!("user {id}"))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// assert_eq!(user(7).await?, "user 7");
/// assert_eq!(USERS.peek("user:7").as_deref(), Some("user 7"));
/// user_invalidate(7).await?;
/// assert_eq!(USERS.peek("user:7"), None);
/// assert_eq!(user_uncached(7).await?, "user 7");
/// # Ok(()) }
/// ```
///
/// A method of a type that has its cache, without a runtime:
/// ```
/// use larder::{cached, sync::Cache};
///
/// struct Words { lengths: Cache<String, usize> }
///
/// impl Words {
///     #[cached(cache = self.lengths)]
///     fn length(&self, word: &str) -> usize { word.chars().count() }
/// }
///
/// let words = Words { lengths: Cache::builder("lengths").build()? };
/// assert_eq!(words.length("Käse"), 4);
/// assert_eq!(words.lengths.peek("Käse"), Some(4));
/// words.length_invalidate("Käse")?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// What is missing is told when it is compiled:
///
/// ```compile_fail
/// # use larder::sync::Cache;
/// # static USERS: std::sync::LazyLock<Cache<String, u64>> =
/// #     std::sync::LazyLock::new(|| Cache::builder("users").build().unwrap());
/// #[larder::cached(cache = USERS, key = "user:{id}")]
/// fn user(tenant: u64, id: u64) -> u64 { tenant + id } // `tenant` is not in the key
/// ```
pub use larder_macros::cached;
pub use learn::{HotKey, KeyFigures, Learned, RecentLoads};
pub use loader::{LoadCx, Loaded};
pub use misses::{Miss, MissReason};
pub use observe::{Latencies, Latency, Stats};
pub use policy::Policy;
pub use removal::{Evictions, RemovalCause};
pub use shown::Shown;
pub use snapshots::{
    RefreshHealth, Refreshed, Refresher, Sample, Snapshot, Snapshots, SnapshotsBuilder,
};
pub use tier::disk::{Codec, Compression, Disk};
pub use tier_stats::TierStats;
