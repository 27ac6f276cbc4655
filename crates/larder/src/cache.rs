//! [`Cache`]: the whole path of a get, an insert and an invalidation, top to bottom.
//!
//! This is the one module that sees all the others: memory holds, the policy decides, the flight
//! makes one load of many, the log fences, the recorder watches.

mod below;
mod claims;
mod close;
mod down;
mod explain;
mod find;
mod inspect;
mod invalidate;
mod kept;
mod keys;
mod learn;
pub(crate) mod load;
mod load_many;
mod lookup;
mod many;
mod scope;
mod shared;
mod store;
mod together;
pub(crate) mod under_way;
mod values;
mod warm;

use std::borrow::Borrow;
use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::builder::Builder;
use crate::checks::Checks;
use crate::clock::Clock;
use crate::entry::{Applied, Entry, Fence, Source};
use crate::error::Error;
use crate::flight::Flights;
use crate::hooks::Hooks;
use crate::key::{CacheKey, KeyRef};
use crate::loader::{LoadCx, Loaded};
use crate::log::{InvalidationLog, Item};
use crate::misses::Memories;
use crate::notes::{Notes, Tags};
use crate::observe::{Event, Recorder};
use crate::policy::{Lives, Policy};
use crate::shown::Face;
use crate::stripes::Stripes;
use crate::tier::memory::Memory;

pub(crate) use below::{Below, Readings};
pub(crate) use down::item_of;
pub use explain::{Explanation, Held};
pub use kept::{KeepFresh, Kept};
pub(crate) use learn::Learner;
use load::Call;
pub use lookup::Lookup;
pub(crate) use shared::Shared;
pub use shared::{CutOff, Reclaimed, Reclaiming, Sharing};
pub use warm::Warmed;

/// A cache of `V` by `K`. Cloning gives another handle to the same cache.
///
/// # Guarantees
/// - However many callers miss a key together, one load runs.
/// - A load runs detached: a caller that is dropped ends neither the load nor its storing.
/// - Once an invalidation (of a [key](Self::invalidate), a [tag](Self::invalidate_tag), a
///   [prefix](Self::invalidate_prefix), a [pattern](Self::invalidate_matching), or
///   [all](Self::clear)) or an [`insert`](Self::insert) has returned, no get that starts later
///   returns an older value, not even from a load that was running at the time.
///
/// ```
/// use std::time::Duration;
/// use larder::{Cache, Policy};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let users = Cache::<u64, String>::builder("users")
///     .max_capacity(100_000)
///     .policy(Policy::ttl(Duration::from_secs(300)))
///     .build()?;
///
/// let name = users.get_or_load(&7, |cx| async move { Ok::<_, std::io::Error>(format!("user {}", cx.key())) }).await?;
/// assert_eq!(name, "user 7");
/// assert_eq!(users.peek(&7), Some("user 7".into()));
/// # Ok(()) }
/// ```
pub struct Cache<K: CacheKey, V> {
    pub(crate) inner: Arc<Inner<K, V>>,
}

pub(crate) struct Inner<K: CacheKey, V> {
    pub(crate) name: Arc<str>,
    pub(crate) capacity: u64,
    pub(crate) policy: Policy,
    /// The policy's, where it has the same for all values.
    pub(crate) lives: Option<Lives>,
    /// Whether entries hold what their load took.
    pub(crate) keeps_costs: bool,
    pub(crate) memory: Memory<K, V>,
    /// The tier under memory, if there is one.
    pub(crate) below: Option<Below<V>>,
    /// The store that processes share, if there is one.
    pub(crate) shared: Option<Shared<V>>,
    /// Readings of either that are under way.
    pub(crate) readings: Option<Arc<Readings<K, V>>>,
    pub(crate) flights: Arc<Flights<K, Outcome<V>>>,
    pub(crate) log: InvalidationLog,
    /// Keys that are known to have no value; made when the first is.
    pub(crate) absent: OnceLock<Memory<K, ()>>,
    pub(crate) stripes: Stripes,
    pub(crate) notes: Notes,
    pub(crate) hooks: Hooks<K, V>,
    pub(crate) backoff: Backoff,
    /// Where misses are to be explained.
    pub(crate) misses: Option<Memories>,
    /// Where values are shown to people.
    pub(crate) face: Option<Face<V>>,
    pub(crate) learner: Learner<K, V>,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Clock,
    pub(crate) runtime: Option<Handle>,
    pub(crate) checks: Checks,
}

/// What a flight brings to everyone who waited for it.
pub(crate) type Outcome<V> = Result<Fresh<V>, Error>;

/// A loaded value, with what tells whether it suits those who joined late.
#[derive(Clone)]
pub(crate) struct Fresh<V> {
    /// `None`: there is none.
    value: Option<V>,
    version: u64,
    stamp: u64,
    /// `None` where they are not known.
    tags: Option<Tags>,
    source: Source,
    /// The version that it has in the shared store, if it stands there.
    mark: Option<u64>,
}

impl<V> Fresh<V> {
    /// The value as a caller of the load sees it.
    pub(crate) fn into_entry(self) -> Result<Entry<V>, Error> {
        Ok(Entry {
            value: self.value.ok_or(Error::Absent)?,
            source: self.source,
            age: Duration::ZERO,
            version: self.version,
            is_stale: false,
            mark: self.mark,
        })
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Starts the composition of a cache. The name is its namespace: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    ///
    /// ```
    /// use larder::Cache;
    /// assert!(Cache::<u64, u32>::builder("users").build().is_ok());
    /// assert!(Cache::<u64, u32>::builder("two words").build().is_err());
    /// ```
    pub fn builder(name: impl Into<String>) -> Builder<K, V> {
        Builder::new(name.into())
    }

    pub(crate) fn from_inner(inner: Inner<K, V>) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The value in this process's memory, if it is there and fresh. Never waits and never loads;
    /// O(1). It counts as a get, in the figures and for what is kept.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// assert_eq!((users.peek(&7), users.peek(&8)), (Some("Ada"), None));
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn peek<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let inner = &*self.inner;
        let (hash, now) = (inner.memory.hash(key), inner.clock.now());
        let found = inner.find_fresh(hash, key, now, None);
        match &found {
            Some(_) => inner.recorder.count(Event::Hit),
            None => inner.missed(hash, key, None),
        }
        found
    }

    /// The value from whichever tier has it, `None` if none has, or if the key is known to have none;
    /// a stale one only within [`Policy::stale_while_revalidate`]. Never loads.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// let entry = users.get(&7).await?.expect("it was just inserted");
    /// assert_eq!((entry.value, entry.source), ("Ada", larder::Source::Memory));
    /// # Ok(()) }
    /// ```
    pub async fn get<Q>(&self, key: &Q) -> Result<Option<Entry<V>>, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        self.entry(key).get().await
    }

    /// The cached value, or what `load` brings.
    ///
    /// A hit builds no future and allocates nothing. On a miss one `load` runs for all who ask,
    /// as a task of its own on the builder's runtime or the one this is called in; dropping the
    /// returned future cancels nothing. Whether a stale value is served, refreshed ahead, or
    /// stands in for a loader that fails or is slow, is for the [`Policy`] to say.
    ///
    /// # Errors
    /// [`Error::Load`] with the loader's own error, [`Error::Absent`] if it says that there is no
    /// value, [`Error::LoadPanicked`], [`Error::Timeout`] past the policy's hard time-out,
    /// [`Error::Overloaded`], [`Error::NoRuntime`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// let user = users.get_or_load(&7, |_| async { Ok::<_, std::io::Error>("Ada") }).await?;
    /// assert_eq!(user, "Ada");
    /// let down = |_| async { Err::<&str, _>(std::io::Error::other("the database is down")) };
    /// let Err(larder::Error::Load(error)) = users.get_or_load(&8, down).await else { panic!() };
    /// assert!(error.downcast_ref::<std::io::Error>().is_some());
    /// # Ok(()) }
    /// ```
    pub async fn get_or_load<Q, F, Fut, L, E>(&self, key: &Q, load: F) -> Result<V, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let (inner, now) = (&self.inner, self.inner.clock.now());
        let hash = inner.memory.hash(key);
        match inner.at_once(hash, key, now, None) {
            Ok(value) => Ok(value),
            Err(found) => {
                let answer = inner.answer(key.to_key(), Call::plain(hash), found, load);
                // Boxed, so that a hit moves no room for it about.
                Box::pin(answer).await.map(|entry| entry.value)
            }
        }
    }

    /// As [`get_or_load`](Self::get_or_load), with `None` where that is [`Error::Absent`]: the loader
    /// returned `None` or [`Loaded::absent`], now or within [`Policy::negative_ttl`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::{Cache, Policy};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = Cache::<u64, String>::builder("users")
    ///     .policy(Policy::forever().negative_ttl(Duration::from_secs(30)))
    ///     .build()?;
    /// let find = |_| async { Ok::<Option<String>, std::io::Error>(None) };
    /// assert_eq!(users.get_or_load_optional(&7, find).await?, None);
    /// assert_eq!(users.get_or_load_optional(&7, find).await?, None);
    /// assert_eq!(users.stats().loads, 1);
    /// # Ok(()) }
    /// ```
    pub async fn get_or_load_optional<Q, F, Fut, L, E>(
        &self,
        key: &Q,
        load: F,
    ) -> Result<Option<V>, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        match self.get_or_load(key, load).await {
            Err(Error::Absent) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    /// The value that was made from version `at` of what it is made from, or what `load` brings.
    ///
    /// A lookup version is a number or a hash of the thing that the value is derived from. A value of
    /// another version is never served, not as a stale one either, and a load for one version is not
    /// joined by callers of another. A key holds the value of one version at a time; of
    /// loads that overlap, that of the first to end. Where the version is that of a part (the hash of a subtree), values outlive
    /// the versions of the whole. Calls without a version see whichever value is held.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let views = Cache::<String, String>::builder("views").build()?;
    /// let view = |text: &'static str| move |_| async move { Ok::<_, std::io::Error>(text.to_owned()) };
    /// assert_eq!(views.get_or_load_at("track:1", 0xA1, view("old")).await?, "old");
    /// assert_eq!(views.get_or_load_at("track:1", 0xA1, view("unused")).await?, "old");
    /// assert_eq!(views.get_or_load_at("track:1", 0xB2, view("new")).await?, "new");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`get_or_load`](Self::get_or_load).
    pub async fn get_or_load_at<Q, F, Fut, L, E>(
        &self,
        key: &Q,
        at: u64,
        load: F,
    ) -> Result<V, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let (inner, now) = (&self.inner, self.inner.clock.now());
        let hash = inner.memory.hash(key);
        match inner.at_once(hash, key, now, Some(at)) {
            Ok(value) => Ok(value),
            Err(found) => {
                let call = Call::plain(hash).at(at);
                let answer = inner.answer(key.to_key(), call, found, load);
                Box::pin(answer).await.map(|entry| entry.value)
            }
        }
    }

    /// A call on `key` with settings of its own, or one that tells more of its result.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// let load = |_| async { Ok::<_, std::io::Error>("Ada") };
    /// let entry = users.entry(&7).tags(["team:1"]).or_load(load).await?;
    /// assert_eq!((entry.value, entry.source), ("Ada", larder::Source::Loader));
    /// # Ok(()) }
    /// ```
    pub fn entry<'a, Q>(&'a self, key: &'a Q) -> Lookup<'a, K, V, Q>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        Lookup::new(&self.inner, key)
    }

    /// Puts a value in. A load of the key that is running may still answer its own waiters, and
    /// will not be stored.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// assert_eq!(users.peek(&7), Some("Ada"));
    /// # Ok(()) }
    /// ```
    pub async fn insert(&self, key: K, value: V) -> Result<Applied, Error> {
        let hash = self.inner.memory.hash(&key);
        if self.inner.readings.is_none() {
            return self.inner.insert_plainly(hash, key, value);
        }
        // Boxed, so that without a tier under memory no room for it is moved about.
        let insertion = self.inner.insert_through(key, value, Call::plain(hash));
        Box::pin(insertion).await
    }

    /// A point in time to [insert](Lookup::fenced_by) from: what is read from the origin after this
    /// may be stored unless something has written or invalidated it since. O(1); the first call
    /// allocates 512 KiB.
    ///
    /// ```
    /// # use larder::{Applied, Cache};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// let fence = users.fence();
    /// let name = "Ada"; // read from the database; meanwhile another writes it and says so:
    /// users.invalidate(&7).await?;
    /// assert_eq!(users.entry(&7).fenced_by(fence).insert(name).await?, Applied::Fenced);
    /// assert_eq!(users.peek(&7), None);
    /// # Ok(()) }
    /// ```
    pub fn fence(&self) -> Fence {
        self.inner.stripes.begin();
        Fence(self.inner.log.stamp())
    }

    /// Removes a key. Once this has returned no get returns a value loaded or inserted before.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// users.invalidate(&7).await?;
    /// assert_eq!(users.peek(&7), None);
    /// # Ok(()) }
    /// ```
    pub async fn invalidate<Q>(&self, key: &Q) -> Result<Applied, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        if self.inner.shared.is_some() {
            let (inner, key) = (self.inner.clone(), key.to_key());
            let told = async move { inner.invalidate_shared(&key).await };
            return self.inner.detached("invalidate", told).await;
        }
        let remove = |room| self.inner.remove(key, room);
        self.inner.take_through(remove).await?;
        self.inner.recorder.count(Event::Invalidation);
        Ok(Applied::Everywhere)
    }

    /// Makes a key's value stale at once: the policy decides whether it may be served while a new
    /// one is loaded.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// users.expire(&7).await?;
    /// assert_eq!(users.peek(&7), None); // with `stale_if_error` it would stand in for a loader that fails
    /// # Ok(()) }
    /// ```
    pub async fn expire<Q>(&self, key: &Q) -> Result<Applied, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        if self.inner.shared.is_some() {
            let (inner, key) = (self.inner.clone(), key.to_key());
            let told = async move { inner.expire_shared(&key).await };
            return self.inner.detached("expire", told).await;
        }
        let expire = |room| self.inner.expire(key, room);
        self.inner.take_through(expire).await?;
        self.inner.recorder.count(Event::Invalidation);
        Ok(Applied::Everywhere)
    }

    /// Removes everything. Values are unreachable at once; taking back their memory is O(n).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// users.clear().await?;
    /// assert_eq!(users.peek(&7), None);
    /// # Ok(()) }
    /// ```
    pub async fn clear(&self) -> Result<Applied, Error> {
        let inner = &self.inner;
        let recorded = inner.record_through([Item::All], || inner.empty()).await;
        inner.recorder.count(Event::Clear);
        recorded.map(|(_, applied)| applied)
    }
}

impl<K: CacheKey, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<K: CacheKey, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("name", &self.inner.name)
            .finish_non_exhaustive()
    }
}
