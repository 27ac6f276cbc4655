//! A cache behind a pointer, whatever its types: what an admin interface needs of it.

use std::pin::Pin;
use std::time::Duration;

use crate::cache::{Cache, Explanation};
use crate::entry::{Applied, EntryInfo, Scope};
use crate::error::Error;
use crate::key::CacheKey;
use crate::learn::{KeyFigures, Learned, RecentLoads};
use crate::observe::{Latencies, Stats};
use crate::policy::Policy;
use crate::removal::Evictions;
use crate::shown::Shown;

/// What comes of a change asked for by a key's text.
///
/// ```
/// use larder::{AnyCache, Applied, Change};
///
/// fn empty(cache: &dyn AnyCache) -> Change<'_, Applied> {
///     cache.clear()
/// }
/// ```
pub type Change<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A [`Cache`] without its types. Keys are named by their text.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder::{AnyCache, Cache, Scope};
///
/// let users = Cache::<u64, &str>::builder("users").build()?;
/// let prices = Cache::<String, u32>::builder("prices").build()?;
/// users.insert(7, "Ada").await?;
///
/// let all: [&dyn AnyCache; 2] = [&users, &prices];
/// for cache in all {
///     println!("{}: {} entries", cache.name(), cache.len());
/// }
/// all[0].invalidate(Scope::Key("7")).await?;
/// assert_eq!(users.peek(&7), None);
/// # Ok(()) }
/// ```
pub trait AnyCache: Send + Sync {
    /// [`Cache::name`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// assert_eq!(any.name(), "users");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn name(&self) -> &str;
    /// [`Cache::policy`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// assert_eq!(any.policy(), larder::Policy::forever());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn policy(&self) -> Policy;
    /// [`Cache::len`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada")?;
    /// assert_eq!(any.len(), 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn len(&self) -> usize;
    /// Whether memory holds nothing.
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// assert!(any.is_empty());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// [`Cache::weight`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada")?;
    /// assert_eq!(any.weight(), 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn weight(&self) -> u64;
    /// [`Cache::is_weighed`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// assert!(!any.is_weighed());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn is_weighed(&self) -> bool;
    /// [`Cache::max_capacity`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// assert_eq!(any.max_capacity(), 100);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn max_capacity(&self) -> u64;
    /// [`Cache::stats`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.peek(&7);
    /// assert_eq!(any.stats().misses, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn stats(&self) -> Stats;
    /// [`Cache::latencies`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// assert_eq!(any.latencies().load.count(), 0);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn latencies(&self) -> Latencies;
    /// [`Cache::reset_stats`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.peek(&7);
    /// any.reset_stats();
    /// assert_eq!(any.stats().misses, 0);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn reset_stats(&self);
    /// [`Cache::evictions`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// assert_eq!(any.evictions(), larder::Evictions::default());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn evictions(&self) -> Evictions;
    /// [`Cache::entries`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada")?;
    /// cache.insert(12, "Bob")?;
    /// assert_eq!(any.entries("1", 10)[0].key, "12");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn entries(&self, prefix: &str, limit: usize) -> Vec<EntryInfo>;
    /// [`Cache::key_figures`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada")?;
    /// assert_eq!(any.key_figures().largest, [("7".to_owned(), 1)]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn key_figures(&self) -> KeyFigures;
    /// [`Cache::learned`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.peek(&7);
    /// assert_eq!(any.learned().unwrap().misses, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn learned(&self) -> Option<Learned>;
    /// [`Cache::recent_loads`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// assert_eq!((any.recent_loads().one_in, any.recent_loads().loads.len()), (1, 0));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn recent_loads(&self) -> RecentLoads;
    /// [`Cache::entry_info`]; `None` too if no key has this text.
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada")?;
    /// assert!(any.entry_info("7").is_some());
    /// assert!(any.entry_info("seven").is_none());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn entry_info(&self, key: &str) -> Option<EntryInfo>;
    /// [`Cache::explain`].
    ///
    /// # Errors
    /// [`Error::Key`] if no key has this text.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = larder::Cache::<u64, &str>::builder("users").build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada").await?;
    /// assert!(any.explain("7").await?.held.is_some());
    /// assert!(any.explain("seven").await.is_err());
    /// # Ok(()) }
    /// ```
    fn explain<'a>(&'a self, key: &'a str) -> Change<'a, Explanation>;
    /// [`Cache::invalidate_scope`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = larder::Cache::<u64, &str>::builder("users").build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada").await?;
    /// any.invalidate(larder::Scope::Key("7")).await?;
    /// assert!(any.is_empty());
    /// # Ok(()) }
    /// ```
    fn invalidate<'a>(&'a self, scope: Scope<'a>) -> Change<'a, Applied>;
    /// The value of a key as people see it, a stale one too, from memory or the disk; `None` if neither has
    /// one. Counted as no get. For caches built with [`values_as_json`](crate::Builder::values_as_json) or
    /// [`values_as_text`](crate::Builder::values_as_text).
    ///
    /// # Errors
    /// [`Error::Key`] if no key has this text; [`Error::NotShown`] if values are not shown, or this one has
    /// more than `bytes_max` bytes as a text or cannot be written as JSON.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = larder::Cache::<u64, u32>::builder("users").values_as_json().build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, 1_815).await?;
    /// assert_eq!(any.shown("7", 100).await?, Some(larder::Shown::Json("1815".into())));
    /// # Ok(()) }
    /// ```
    fn shown<'a>(&'a self, key: &'a str, bytes_max: usize) -> Change<'a, Option<Shown>>;
    /// Puts in a value that is given as JSON, with the policy's time to live or another and these tags:
    /// [`Cache::insert`] for caches built with [`values_as_json`](crate::Builder::values_as_json).
    ///
    /// # Errors
    /// [`Error::Key`] if no key has this text, [`Error::TakesNone`], [`Error::NotTaken`] if it is no value of
    /// this cache's type, [`Error::Tags`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = larder::Cache::<u64, u32>::builder("users").values_as_json().build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// any.put("7", "1815", None, &["poets".to_owned()]).await?;
    /// assert_eq!(cache.peek(&7), Some(1_815));
    /// assert!(any.put("7", "\"Ada\"", None, &[]).await.is_err());
    /// # Ok(()) }
    /// ```
    fn put<'a>(
        &'a self,
        key: &'a str,
        json: &'a str,
        ttl: Option<Duration>,
        tags: &'a [String],
    ) -> Change<'a, Applied>;
    /// [`Cache::count_in_scope`].
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada")?;
    /// assert_eq!(any.count(larder::Scope::Pattern("?"))?, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn count(&self, scope: Scope<'_>) -> Result<usize, Error>;
    /// [`Cache::clear`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = larder::Cache::<u64, &str>::builder("users").build()?;
    /// # let any: &dyn larder::AnyCache = &cache;
    /// cache.insert(7, "Ada").await?;
    /// any.clear().await?;
    /// assert!(any.is_empty());
    /// # Ok(()) }
    /// ```
    fn clear(&self) -> Change<'_, Applied>;
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> AnyCache for Cache<K, V> {
    fn name(&self) -> &str {
        self.name()
    }

    fn policy(&self) -> Policy {
        self.policy()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn weight(&self) -> u64 {
        self.weight()
    }

    fn is_weighed(&self) -> bool {
        self.is_weighed()
    }

    fn max_capacity(&self) -> u64 {
        self.max_capacity()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }

    fn latencies(&self) -> Latencies {
        self.latencies()
    }

    fn reset_stats(&self) {
        self.reset_stats();
    }

    fn evictions(&self) -> Evictions {
        self.evictions()
    }

    fn entries(&self, prefix: &str, limit: usize) -> Vec<EntryInfo> {
        self.entries(prefix, limit)
    }

    fn key_figures(&self) -> KeyFigures {
        self.key_figures()
    }

    fn learned(&self) -> Option<Learned> {
        self.learned()
    }

    fn recent_loads(&self) -> RecentLoads {
        self.recent_loads()
    }

    fn entry_info(&self, key: &str) -> Option<EntryInfo> {
        self.entry_info(&K::from_text(key)?)
    }

    fn explain<'a>(&'a self, key: &'a str) -> Change<'a, Explanation> {
        Box::pin(self.explain_text(key))
    }

    fn invalidate<'a>(&'a self, scope: Scope<'a>) -> Change<'a, Applied> {
        Box::pin(self.invalidate_scope(scope))
    }

    fn shown<'a>(&'a self, key: &'a str, bytes_max: usize) -> Change<'a, Option<Shown>> {
        Box::pin(self.shown_text(key, bytes_max))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        json: &'a str,
        ttl: Option<Duration>,
        tags: &'a [String],
    ) -> Change<'a, Applied> {
        Box::pin(self.put_text(key, json, ttl, tags))
    }

    fn count(&self, scope: Scope<'_>) -> Result<usize, Error> {
        self.count_in_scope(scope)
    }

    fn clear(&self) -> Change<'_, Applied> {
        Box::pin(self.clear())
    }
}
