//! [`Lookup`]: one call on one key, with settings of its own.

use std::borrow::Borrow;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;

use super::Inner;
use super::below::Beneath;
use super::load::Call;
use crate::entry::{Applied, Entry, Fence};
use crate::error::Error;
use crate::key::{CacheKey, KeyRef};
use crate::loader::{LoadCx, Loaded};
use crate::policy::Stale;
use crate::spans;

/// One call on one key, from [`Cache::entry`](crate::Cache::entry).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::time::Duration;
/// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
/// let load = |_| async { Ok::<_, std::io::Error>("Ada") };
/// let entry = users.entry(&7).ttl(Duration::from_secs(30)).tags(["team:1"]).or_load(load).await?;
/// assert_eq!((entry.value, entry.is_stale), ("Ada", false));
/// # Ok(()) }
/// ```
#[must_use = "a lookup does nothing until it gets, loads or inserts"]
pub struct Lookup<'a, K: CacheKey, V, Q: ?Sized> {
    inner: &'a Arc<Inner<K, V>>,
    key: &'a Q,
    call: Call,
}

impl<'a, K, V, Q> Lookup<'a, K, V, Q>
where
    K: CacheKey + Borrow<Q>,
    V: Clone + Send + Sync + 'static,
    Q: KeyRef<K> + ?Sized,
{
    pub(super) fn new(inner: &'a Arc<Inner<K, V>>, key: &'a Q) -> Self {
        Self {
            inner,
            key,
            call: Call::plain(inner.memory.hash(key)),
        }
    }

    /// The time to live of what this call stores, instead of the policy's; the loader's own wins.
    /// A call that finds a value, or waits for another's load, stores nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).ttl(Duration::from_secs(30)).insert("Ada").await?;
    /// let info = users.entry_info(&7).expect("it was just inserted");
    /// assert!(info.remaining <= Some(Duration::from_secs(30)));
    /// # Ok(()) }
    /// ```
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.call.ttl = Some(ttl);
        self
    }

    /// Tags of what this call stores, besides those that the loader gives.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1", "eu"]).insert("Ada").await?;
    /// users.invalidate_tag("eu").await?;
    /// assert_eq!(users.peek(&7), None);
    /// # Ok(()) }
    /// ```
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.call.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// The entity tag of what this call stores; the loader's own wins.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).etag("v1").insert("Ada").await?;
    /// let held = users.explain(&7).await?.held.expect("it was just inserted");
    /// assert_eq!(held.etag.as_deref(), Some("v1"));
    /// # Ok(()) }
    /// ```
    pub fn etag(mut self, etag: impl Into<Arc<str>>) -> Self {
        self.call.etag = Some(etag.into());
        self
    }

    /// The [lookup version](crate::Cache::get_or_load_at) that is asked for, and of what is stored.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).at(1).insert("Ada").await?;
    /// assert!(users.entry(&7).at(1).get().await?.is_some());
    /// assert!(users.entry(&7).at(2).get().await?.is_none());
    /// # Ok(()) }
    /// ```
    pub const fn at(mut self, version: u64) -> Self {
        self.call.at = Some(version);
        self
    }

    /// Makes an [`insert`](Self::insert) come to nothing if the key was written or invalidated since
    /// the fence was [taken](crate::Cache::fence). A load has a fence of its own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// use larder::Applied;
    /// let fence = users.fence(); // then the value is read from the origin
    /// assert_eq!(users.entry(&7).fenced_by(fence).insert("Ada").await?, Applied::Everywhere);
    /// users.invalidate(&7).await?;
    /// assert_eq!(users.entry(&7).fenced_by(fence).insert("Ada").await?, Applied::Fenced);
    /// # Ok(()) }
    /// ```
    pub const fn fenced_by(mut self, fence: Fence) -> Self {
        self.call.fence = Some(fence.0);
        self
    }

    /// The value that memory answers with at once, counted as a hit; where it does not, `None`, and
    /// nothing is counted: a get or load that follows counts. For who looks before a loader is made that
    /// costs something to make. Never waits; O(1).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).at(1).insert("Ada").await?;
    /// assert_eq!(users.entry(&7).at(1).hit(), Some("Ada"));
    /// assert_eq!(users.entry(&7).at(2).hit(), None);
    /// assert_eq!((users.stats().hits, users.stats().misses), (1, 0));
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn hit(self) -> Option<V> {
        let Self { inner, key, call } = self;
        let found = inner.at_once(call.hash, key, inner.clock.now(), call.at);
        found.ok()
    }

    /// As [`Cache::get`](crate::Cache::get).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// assert!(users.entry(&7).get().await?.is_none());
    /// # Ok(()) }
    /// ```
    pub async fn get(self) -> Result<Option<Entry<V>>, Error> {
        let Self {
            inner,
            key,
            mut call,
        } = self;
        call.began = inner.clock.now();
        if let Some(entry) = inner.get_in_memory(key, &call) {
            return Ok(Some(entry));
        }
        inner.open()?;
        let (key, span) = (key.to_key(), spans::get(&inner.name));
        let below = async {
            let beneath = inner.beneath(&key, &call).await;
            inner.get_beneath(&key, &call, beneath).await
        };
        let found = below.instrument(span.clone().or_current()).await;
        spans::answered(&span, found.as_ref().map(Option::as_ref));
        found
    }

    /// As [`Cache::get_or_load`](crate::Cache::get_or_load), with the whole entry.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// let load = |_| async { Ok::<_, std::io::Error>("Ada") };
    /// assert_eq!(users.entry(&7).or_load(load).await?.source, larder::Source::Loader);
    /// assert_eq!(users.entry(&7).or_load(load).await?.source, larder::Source::Memory);
    /// # Ok(()) }
    /// ```
    pub async fn or_load<F, Fut, L, E>(self, load: F) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let Self { inner, key, call } = self;
        let now = inner.clock.now();
        match inner.find_at(call.hash, key, now, call.at) {
            Some(hit) if inner.is_fresh(&hit.meta, now) => {
                Ok(inner.served(inner.entry_of(hit, now).0, (call.hash, key), now))
            }
            // Boxed, so that a hit moves no room for it about.
            found => Box::pin(inner.answer(key.to_key(), call, found, load)).await,
        }
    }

    /// As [`or_load`](Self::or_load), with `None` where that is [`Error::Absent`].
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, String>::builder("users").build()?;
    /// let find = |_| async { Ok::<Option<String>, std::io::Error>(None) };
    /// assert!(users.entry(&7).tags(["team:1"]).or_load_optional(find).await?.is_none());
    /// # Ok(()) }
    /// ```
    pub async fn or_load_optional<F, Fut, L, E>(self, load: F) -> Result<Option<Entry<V>>, Error>
    where
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        match self.or_load(load).await {
            Err(Error::Absent) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    /// As [`Cache::insert`](crate::Cache::insert).
    ///
    /// # Errors
    /// [`Error::Tags`] if there are too many or one is too long; nothing is stored then.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada").await?;
    /// assert_eq!(users.peek(&7), Some("Ada"));
    /// let many = (0..65).map(|n| format!("tag:{n}"));
    /// assert!(users.entry(&7).tags(many).insert("Bob").await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn insert(self, value: V) -> Result<Applied, Error> {
        let Self { inner, key, call } = self;
        inner.insert_through(key.to_key(), value, call).await
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// What memory has for a get that loads nothing.
    pub(super) fn get_in_memory<Q>(&self, key: &Q, call: &Call) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let now = self.clock.now();
        let found = self.find_at(call.hash, key, now, call.at)?;
        match self.entry_of(found, now) {
            (entry, None | Some(Stale::Serve)) => {
                Some(self.served(entry, (call.hash, key), call.began))
            }
            (_, Some(Stale::Fallback)) => None,
        }
    }

    /// Answers a get that loads nothing, and for which memory has nothing, with what is beneath.
    pub(super) async fn get_beneath(
        &self,
        key: &K,
        call: &Call,
        beneath: Beneath<V>,
    ) -> Result<Option<Entry<V>>, Error> {
        if let Beneath::Absent = beneath {
            return Ok(None);
        }
        if let Beneath::Hit(hit, source) = beneath {
            let (mut entry, stale) = self.entry_of(hit, self.clock.now());
            if matches!(stale, None | Some(Stale::Serve)) {
                entry.source = source;
                return Ok(Some(self.served(entry, (call.hash, key), call.began)));
            }
        }
        if let Some(entry) = self.without_link(key, call).await? {
            return Ok(Some(self.served(entry, (call.hash, key), call.began)));
        }
        self.missed(call.hash, key, call.at);
        Ok(None)
    }
}
