//! [`sync::Cache`](Cache): the cache for code without a runtime. Memory only; the caller's thread
//! loads.
//!
//! A thin shell: finding, fencing and publishing are those of [`crate::Cache`]. What is here is how
//! a thread waits, and that it must not wait for itself.

mod any;
mod builder;
mod invalidate;
mod loading;
mod lookup;
mod wait;

use std::borrow::Borrow;
use std::fmt::{self, Debug, Display};

use crate::cache::Explanation;
use crate::entry::{Applied, Entry, EntryInfo, Fence};
use crate::error::Error;
use crate::key::{CacheKey, KeyRef};
use crate::learn::{KeyFigures, Learned, RecentLoads};
use crate::loader::Loaded;
use crate::observe::{Latencies, Stats};
use crate::policy::Policy;
use crate::removal::Evictions;

pub use builder::Builder;
pub use lookup::Lookup;

/// A cache of `V` by `K` for code that does not await. Cloning gives another handle to the same
/// cache.
///
/// # Guarantees
/// - However many threads miss a key together, one load runs: on the thread that came first, while
///   the others wait, no longer than the policy's hard time-out.
/// - Once [`invalidate`](Self::invalidate), [`clear`](Self::clear) or [`insert`](Self::insert) has
///   returned, no get that starts later returns an older value, not even from a load that was
///   running at the time.
/// - A loader that panics releases its key; the panic is its caller's.
/// - A loader may use the cache, also to load other keys. Asking for its own is
///   [`Error::Reentered`], not a deadlock. Two loaders that ask for each other's keys wait until
///   the hard time-out.
///
/// In async code use [`crate::Cache`]: a thread that waits here runs nothing else.
///
/// ```
/// use std::time::Duration;
/// use larder::{Policy, sync::Cache};
///
/// let squares = Cache::<u64, u64>::builder("squares")
///     .max_capacity(1_000)
///     .policy(Policy::ttl(Duration::from_secs(60)))
///     .build()?;
///
/// let square = squares.get_or_load(&7, |key| Ok::<_, std::io::Error>(key * key))?;
/// assert_eq!(square, 49);
/// assert_eq!(squares.peek(&7), Some(49));
///
/// squares.invalidate(&7)?;
/// assert_eq!(squares.peek(&7), None);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Cache<K: CacheKey, V> {
    pub(crate) cache: crate::cache::Cache<K, V>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Starts the composition of a cache. The name is its namespace: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    ///
    /// ```
    /// let cache = larder::sync::Cache::<String, u32>::builder("prices").build()?;
    /// assert!(larder::sync::Cache::<String, u32>::builder("no spaces").build().is_err());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn builder(name: impl Into<String>) -> Builder<K, V> {
        Builder::new(name.into())
    }

    /// The value if it is there and fresh. Never waits for a load and never loads; O(1).
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// assert_eq!(users.peek(&7), Some("Ada"));
    /// assert_eq!(users.peek(&8), None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn peek<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        self.cache.peek(key)
    }

    /// The entry, if it is there; a stale one only within
    /// [`Policy::stale_while_revalidate`](crate::Policy::stale_while_revalidate). Never waits for a
    /// load and never loads; O(1).
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// let entry = users.get(&7)?.unwrap();
    /// assert_eq!((entry.value, entry.is_stale), ("Ada", false));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn get<Q>(&self, key: &Q) -> Result<Option<Entry<V>>, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        wait::for_ready(self.cache.get(key))
    }

    /// The cached value, or what `load` brings.
    ///
    /// A hit allocates nothing. On a miss `load` runs on this thread, unless one for this key is
    /// running on another: then this thread waits for that. `load` may return the plain value, or
    /// [`Loaded`] with a time to live.
    ///
    /// # Errors
    /// [`Error::Load`] with the loader's own error, which all who waited share;
    /// [`Error::LoadPanicked`] and [`Error::Timeout`] for those who waited; [`Error::Overloaded`];
    /// [`Error::Reentered`]. An error is not stored: the next call loads again.
    ///
    /// # Panics
    /// If `load` panics, on the thread that ran it.
    ///
    /// ```
    /// # let cache = larder::sync::Cache::<String, usize>::builder("lengths").build()?;
    /// let error = cache.get_or_load("x", |_| "x".parse::<usize>()).unwrap_err();
    /// let larder::Error::Load(error) = error else { panic!("{error}") };
    /// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn get_or_load<Q, F, L, E>(&self, key: &Q, load: F) -> Result<V, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        self.entry(key).or_load(load).map(|entry| entry.value)
    }

    /// A call on `key` with settings of its own, or one that tells more of its result.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let cache = larder::sync::Cache::<String, u32>::builder("tokens").build()?;
    /// let entry = cache
    ///     .entry("a")
    ///     .ttl(Duration::from_secs(30))
    ///     .or_load(|_| Ok::<_, std::io::Error>(5_u32))?;
    /// assert_eq!((entry.value, entry.source), (5, larder::Source::Loader));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn entry<'a, Q>(&'a self, key: &'a Q) -> Lookup<'a, K, V, Q>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        Lookup::new(&self.cache, key)
    }

    /// Puts a value in. A load of the key that is running may still answer those who wait for it,
    /// and will not be stored. Waits for no load; O(1). Memory never refuses it.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// assert_eq!(users.peek(&7), Some("Ada"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&self, key: K, value: V) -> Result<Applied, Error> {
        let inner = &self.cache.inner;
        inner.insert_plainly(inner.memory.hash(&key), key, value)
    }

    /// [`crate::Cache::fence`].
    ///
    /// ```
    /// # use larder::Applied;
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// let fence = users.fence();
    /// let name = "Ada"; // read from the database; meanwhile another writes it and says so:
    /// users.invalidate(&7)?;
    /// assert_eq!(users.entry(&7).fenced_by(fence).insert(name)?, Applied::Fenced);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn fence(&self) -> Fence {
        self.cache.fence()
    }

    /// Removes a key. Once this has returned no get returns a value loaded or inserted before.
    /// Waits for no load; O(1). Memory never refuses it.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.invalidate(&7)?;
    /// assert_eq!(users.peek(&7), None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate<Q>(&self, key: &Q) -> Result<Applied, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        wait::for_ready(self.cache.invalidate(key))
    }

    /// [`crate::Cache::expire`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.expire(&7)?;
    /// assert_eq!(users.peek(&7), None); // with `stale_if_error` it would stand in for a loader that fails
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn expire<Q>(&self, key: &Q) -> Result<Applied, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        wait::for_ready(self.cache.expire(key))
    }

    /// Removes everything. Values are unreachable at once; taking back their memory is O(n). Waits
    /// for no load.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.clear()?;
    /// assert!(users.is_empty());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn clear(&self) -> Result<Applied, Error> {
        wait::for_ready(self.cache.clear())
    }

    /// [`crate::Cache::close`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.close()?;
    /// assert!(matches!(users.insert(7, "Ada"), Err(larder::Error::Closed)));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) -> Result<(), Error> {
        wait::for_ready(self.cache.close())
    }

    /// The cache's name, as given to [`builder`](Self::builder).
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// assert_eq!(users.name(), "users");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(&self) -> &str {
        self.cache.name()
    }

    /// The policy it was built with.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// assert_eq!(users.policy(), larder::Policy::forever()); // unless the builder was given one
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn policy(&self) -> Policy {
        self.cache.policy()
    }

    /// How many entries it holds, expired ones that are not reclaimed yet included.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// assert_eq!(users.len(), 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether it holds nothing.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// assert!(users.is_empty());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.cache.is_empty()
    }

    /// The weight that it holds: the number of entries, unless the builder was given a weigher.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// assert_eq!(users.weight(), 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn weight(&self) -> u64 {
        self.cache.weight()
    }

    /// Whether a weigher says what an entry takes of the capacity.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// assert!(!users.is_weighed());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_weighed(&self) -> bool {
        self.cache.is_weighed()
    }

    /// The most weight that it holds.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// assert_eq!(users.max_capacity(), 10_000); // unless the builder was given one
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_capacity(&self) -> u64 {
        self.cache.max_capacity()
    }

    /// What is known of a key, and why it was missed: [`crate::Cache::explain`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").explain(true).build()?;
    /// users.insert(7, "Ada")?;
    /// assert!(users.explain(&7).held.is_some());
    /// assert!(users.explain(&8).held.is_none());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn explain<Q>(&self, key: &Q) -> Explanation
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        self.cache.inner.explain(key)
    }

    /// Its figures since it was built or last [reset](Self::reset_stats).
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.peek(&7);
    /// assert_eq!((users.stats().inserts, users.stats().hits), (1, 1));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.cache.stats()
    }

    /// The distributions behind the latencies of [`stats`](Self::stats): quantiles, buckets, windows.
    pub fn latencies(&self) -> Latencies {
        self.cache.latencies()
    }

    /// Entries that left since it was built, by cause.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.insert(7, "Ada Lovelace")?;
    /// assert_eq!(users.evictions().replaced, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn evictions(&self) -> Evictions {
        self.cache.evictions()
    }

    /// As [`crate::Cache::key_figures`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.peek(&7);
    /// assert_eq!(users.key_figures().hottest[0].key, "7");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn key_figures(&self) -> KeyFigures {
        self.cache.key_figures()
    }

    /// As [`crate::Cache::learned`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.peek(&7);
    /// assert_eq!(users.learned().unwrap().misses, 1);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn learned(&self) -> Option<Learned> {
        self.cache.learned()
    }

    /// As [`crate::Cache::recent_loads`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// assert_eq!(users.recent_loads().loads, []);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn recent_loads(&self) -> RecentLoads {
        self.cache.recent_loads()
    }

    /// Starts the figures of [`stats`](Self::stats) anew.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.peek(&7);
    /// users.reset_stats();
    /// assert_eq!(users.stats().misses, 0);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset_stats(&self) {
        self.cache.reset_stats();
    }

    /// Up to `limit` of the live entries whose key's text starts with `prefix`, in no order.
    /// O(n), one shard locked at a time.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.insert(81, "Bob")?;
    /// let found = users.entries("8", 10);
    /// assert_eq!((found.len(), &*found[0].key), (1, "81"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn entries(&self, prefix: &str, limit: usize) -> Vec<EntryInfo> {
        self.cache.entries(prefix, limit)
    }

    /// What is known of the entry of `key`. Not counted as a get.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// assert_eq!(users.entry_info(&7).map(|info| info.remaining), Some(None)); // it does not expire
    /// assert!(users.entry_info(&8).is_none());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn entry_info(&self, key: &K) -> Option<EntryInfo> {
        self.cache.entry_info(key)
    }
}

impl<K: CacheKey, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
        }
    }
}

impl<K: CacheKey, V> Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.cache, f)
    }
}
