//! What a cache shows of itself: its settings, its figures, its entries.

use super::Cache;
use crate::clock::{Clock, Tick};
use crate::entry::EntryInfo;
use crate::key::CacheKey;
use crate::observe::{Latencies, Stats};
use crate::policy::Policy;
use crate::removal::Evictions;
use crate::tier::memory::Meta;

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// The cache's name.
    ///
    /// ```
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// assert_eq!(users.name(), "users");
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The policy it was built with.
    ///
    /// ```
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// assert_eq!(users.policy(), larder::Policy::forever()); // unless the builder was given one
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn policy(&self) -> Policy {
        self.inner.policy
    }

    /// The clock that it was built with, for what is to age as its entries do.
    ///
    /// ```
    /// let time = larder::ManualClock::new();
    /// let users = larder::Cache::<u64, &str>::builder("users").clock(time.clock()).build()?;
    /// let before = users.clock().now();
    /// time.advance(std::time::Duration::from_secs(3));
    /// assert_eq!(users.clock().now().since(before).as_secs(), 3);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn clock(&self) -> Clock {
        self.inner.clock.clone()
    }

    /// How many entries memory holds, expired ones that are not reclaimed yet included.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// assert_eq!(users.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn len(&self) -> usize {
        self.inner.memory.len()
    }

    /// Whether memory holds nothing.
    ///
    /// ```
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// assert!(users.is_empty());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight that memory holds: the number of entries, unless the builder was given a weigher.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// assert_eq!(users.weight(), 1);
    /// # Ok(()) }
    /// ```
    pub fn weight(&self) -> u64 {
        self.inner.memory.weight()
    }

    /// Whether a weigher says what an entry takes of the capacity.
    ///
    /// ```
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// assert!(!users.is_weighed());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn is_weighed(&self) -> bool {
        self.inner.memory.is_weighed()
    }

    /// The most weight that memory holds.
    ///
    /// ```
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// assert_eq!(users.max_capacity(), 10_000); // unless the builder was given one
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn max_capacity(&self) -> u64 {
        self.inner.capacity
    }

    /// Its figures since it was built or last [reset](Self::reset_stats).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// users.peek(&7);
    /// assert_eq!((users.stats().inserts, users.stats().hits), (1, 1));
    /// # Ok(()) }
    /// ```
    pub fn stats(&self) -> Stats {
        let shared = self.inner.shared.as_ref();
        Stats {
            disk: self.inner.stats_below(),
            remote: shared.map(|shared| shared.stats(self.inner.clock.now())),
            ..self.inner.recorder.stats(self.evictions())
        }
    }

    /// The distributions behind the latencies of [`stats`](Self::stats): quantiles, buckets, windows.
    pub fn latencies(&self) -> Latencies {
        self.inner.recorder.latencies()
    }

    /// Entries that left memory since it was built, by cause.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// users.insert(7, "Ada Lovelace").await?;
    /// assert_eq!(users.evictions().replaced, 1);
    /// # Ok(()) }
    /// ```
    pub fn evictions(&self) -> Evictions {
        self.inner.memory.evictions()
    }

    /// Starts the figures of [`stats`](Self::stats) anew, and what is [learned](Self::learned).
    ///
    /// ```
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.peek(&7);
    /// users.reset_stats();
    /// assert_eq!(users.stats().misses, 0);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn reset_stats(&self) {
        self.inner.recorder.reset(self.evictions());
        self.inner.forget_lessons();
    }

    /// Up to `limit` of the live entries whose key's text starts with `prefix`, in no order.
    /// O(n), one shard locked at a time.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// users.insert(81, "Bob").await?;
    /// let found = users.entries("8", 10);
    /// assert_eq!((found.len(), &*found[0].key), (1, "81"));
    /// # Ok(()) }
    /// ```
    pub fn entries(&self, prefix: &str, limit: usize) -> Vec<EntryInfo> {
        let (inner, mut found) = (&*self.inner, Vec::new());
        let now = inner.clock.now();
        inner.memory.for_each(|key, _, meta| {
            let is_wanted = found.len() < limit && key.to_text().starts_with(prefix);
            if is_wanted && inner.is_live(meta, key, now) {
                found.push(info(key, meta, now));
            }
        });
        found
    }

    /// What is known of the entry of `key` in memory, if it is live. Not counted as a get,
    /// nor as a use.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// assert_eq!(users.entry_info(&7).map(|info| info.remaining), Some(None)); // it does not expire
    /// assert!(users.entry_info(&8).is_none());
    /// # Ok(()) }
    /// ```
    pub fn entry_info(&self, key: &K) -> Option<EntryInfo> {
        let (inner, now) = (&*self.inner, self.inner.clock.now());
        let mut found = None;
        inner.memory.inspect(inner.memory.hash(key), key, |meta| {
            found = inner.is_live(meta, key, now).then(|| info(key, meta, now));
        });
        found
    }
}

fn info<K: CacheKey>(key: &K, meta: &Meta, now: Tick) -> EntryInfo {
    EntryInfo {
        key: key.to_text().into_owned(),
        age: now.since(meta.created),
        remaining: (meta.fresh_until < Tick::NEVER).then(|| meta.fresh_until.since(now)),
        version: meta.version,
    }
}
