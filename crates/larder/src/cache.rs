//! [`Cache`]: the whole path of a get, an insert and an invalidation, top to bottom.
//!
//! This is the one module that sees all the others: memory holds, the policy decides, the flight
//! makes one load of many, the log fences, the recorder watches.

use std::borrow::Borrow;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use quanta::Instant;
use tokio::runtime::Handle;

use crate::builder::Builder;
use crate::clock::{Clock, Tick};
use crate::entry::{Applied, Entry, EntryInfo, Source};
use crate::error::{Error, LoadError};
use crate::flight::{Boarding, Flights, Landing, Lead, Ticket};
use crate::key::{CacheKey, KeyRef};
use crate::loader::{LoadCx, Loaded};
use crate::log::InvalidationLog;
use crate::observe::{Event, Recorder, Stats};
use crate::policy::Policy;
use crate::tier::memory::{Evictions, Hit, Memory, Meta};

/// How often a get joins anew when the flight it waited for was cancelled with its runtime.
const BOARDINGS_MAX: usize = 3;

/// A cache of `V` by `K`. Cloning gives another handle to the same cache.
///
/// # Guarantees
/// - However many callers miss a key together, one load runs.
/// - A load runs detached: a caller that is dropped ends neither the load nor its storing.
/// - Once [`invalidate`](Self::invalidate), [`clear`](Self::clear) or [`insert`](Self::insert) has
///   returned, no get that starts later returns an older value, not even from a load that was
///   running at the time.
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
    pub(crate) memory: Memory<K, V>,
    pub(crate) flights: Arc<Flights<K, Outcome<V>>>,
    pub(crate) log: InvalidationLog,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Clock,
    pub(crate) runtime: Option<Handle>,
}

/// What a flight brings to everyone who waited for it.
pub(crate) type Outcome<V> = Result<Fresh<V>, Error>;

#[derive(Clone)]
pub(crate) struct Fresh<V> {
    pub(crate) value: V,
    pub(crate) version: u64,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Starts the composition of a cache. The name is its namespace: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    pub fn builder(name: impl Into<String>) -> Builder<K, V> {
        Builder::new(name.into())
    }

    pub(crate) fn from_inner(inner: Inner<K, V>) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The value in this process's memory, if it is there and fresh. Never waits and never loads;
    /// O(1).
    #[inline]
    pub fn peek<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let found = self.inner.find(self.inner.memory.hash(key), key);
        self.inner.recorder.count(if found.is_some() {
            Event::Hit
        } else {
            Event::Miss
        });
        found.map(|hit| hit.value)
    }

    /// The value from whichever tier has it; `None` if none has. Never loads.
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn get<Q>(&self, key: &Q) -> Result<Option<Entry<V>>, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let inner = &*self.inner;
        let found = inner.find(inner.memory.hash(key), key);
        inner.recorder.count(if found.is_some() {
            Event::Hit
        } else {
            Event::Miss
        });
        Ok(found.map(|hit| inner.entry_of(hit)))
    }

    /// The cached value, or what `load` brings.
    ///
    /// A hit builds no future and allocates nothing. On a miss one `load` runs for all who ask,
    /// as a task of its own on the builder's runtime or the one this is called in; dropping the
    /// returned future cancels nothing.
    ///
    /// # Errors
    /// [`Error::Load`] with the loader's own error, [`Error::LoadPanicked`], [`Error::Timeout`]
    /// past the policy's hard time-out, [`Error::Overloaded`], [`Error::NoRuntime`].
    pub async fn get_or_load<Q, F, Fut, L, E>(&self, key: &Q, load: F) -> Result<V, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let hash = self.inner.memory.hash(key);
        if let Some(hit) = self.inner.find(hash, key) {
            self.inner.recorder.count(Event::Hit);
            return Ok(hit.value);
        }
        self.load_through(hash, key.to_key(), None, load)
            .await
            .map(|entry| entry.value)
    }

    /// A call on `key` with settings of its own, or one that tells more of its result.
    pub fn entry<'a, Q>(&'a self, key: &'a Q) -> Lookup<'a, K, V, Q>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        Lookup {
            cache: self,
            key,
            ttl: None,
        }
    }

    /// Puts a value in. A load of the key that is running may still answer its own waiters, and
    /// will not be stored.
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn insert(&self, key: K, value: V) -> Result<Applied, Error> {
        self.inner.insert(key, value, None);
        Ok(Applied::Everywhere)
    }

    /// Removes a key. Once this has returned no get returns a value loaded or inserted before.
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn invalidate<Q>(&self, key: &Q) -> Result<Applied, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let inner = &*self.inner;
        let hash = inner.memory.hash(key);
        let (removed, _) = inner
            .flights
            .fence(hash, key, || inner.memory.remove(hash, key));
        drop(removed);
        inner.recorder.count(Event::Invalidation);
        Ok(Applied::Everywhere)
    }

    /// Removes everything. Values are unreachable at once; taking back their memory is O(n).
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn clear(&self) -> Result<Applied, Error> {
        self.inner.log.invalidate_all();
        self.inner.memory.clear(|_| {});
        self.inner.recorder.count(Event::Clear);
        Ok(Applied::Everywhere)
    }

    /// The cache's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The policy it was built with.
    pub fn policy(&self) -> Policy {
        self.inner.policy
    }

    /// How many entries memory holds, expired ones that are not reclaimed yet included.
    pub fn len(&self) -> usize {
        self.inner.memory.len()
    }

    /// Whether memory holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight that memory holds: the number of entries, unless the builder was given a weigher.
    pub fn weight(&self) -> u64 {
        self.inner.memory.weight()
    }

    /// The most weight that memory holds.
    pub fn max_capacity(&self) -> u64 {
        self.inner.capacity
    }

    /// Its figures since it was built or last [reset](Self::reset_stats).
    pub fn stats(&self) -> Stats {
        self.inner.recorder.stats()
    }

    /// Entries that left memory since it was built, by cause.
    pub fn evictions(&self) -> Evictions {
        self.inner.memory.evictions()
    }

    /// Starts the figures of [`stats`](Self::stats) anew.
    pub fn reset_stats(&self) {
        self.inner.recorder.reset();
    }

    /// Up to `limit` of the live entries whose key's text starts with `prefix`, in no order.
    /// O(n), one shard locked at a time.
    pub fn entries(&self, prefix: &str, limit: usize) -> Vec<EntryInfo> {
        let (inner, mut found) = (&*self.inner, Vec::new());
        let (now, floor) = (inner.clock.now(), inner.log.floor());
        inner.memory.for_each(|key, _, meta| {
            let live = meta.version > floor && meta.expires_at > now;
            if live && found.len() < limit && key.to_text().starts_with(prefix) {
                found.push(info(key, meta, now));
            }
        });
        found
    }

    /// What is known of the entry of `key` in memory. Not counted as a get.
    pub fn entry_info(&self, key: &K) -> Option<EntryInfo> {
        let (inner, now) = (&*self.inner, self.inner.clock.now());
        let found = inner.find(inner.memory.hash(key), key)?;
        Some(info(key, &found.meta, now))
    }

    /// The miss: one load for all who want the key.
    async fn load_through<F, Fut, L, E>(
        &self,
        hash: u64,
        key: K,
        ttl: Option<Duration>,
        load: F,
    ) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let inner = &self.inner;
        inner.recorder.count(Event::Miss);
        let runtime = inner.runtime()?;
        let started = Instant::now();
        let mut load = Some(load);
        for _ in 0..BOARDINGS_MAX {
            let stamp = inner.log.stamp();
            let ticket = match inner.flights.board(hash, &key, stamp, inner.log.floor()) {
                Boarding::Joined(ticket) => {
                    inner.recorder.count(Event::Coalesced);
                    ticket
                }
                Boarding::Leads(lead, ticket) => {
                    let Some(load) = load.take() else {
                        return Err(Error::Abandoned);
                    };
                    inner.take_off(&runtime, lead, key.clone(), hash, ttl, load);
                    ticket
                }
                Boarding::Full => {
                    inner.recorder.count(Event::Overload);
                    return Err(Error::Overloaded {
                        limit: inner.flights.limit(),
                    });
                }
            };
            let landing = inner.wait(&runtime, ticket, started).await?;
            match landing {
                Landing::Landed(outcome) => {
                    inner.recorder.missed(started.elapsed());
                    let Fresh { value, version } = outcome?;
                    return Ok(Entry {
                        value,
                        source: Source::Loader,
                        age: Duration::ZERO,
                        version,
                    });
                }
                Landing::Panicked => return Err(Error::LoadPanicked),
                Landing::Lost | Landing::InTheAir => {}
            }
        }
        Err(Error::Abandoned)
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let (now, floor) = (self.clock.now(), self.log.floor());
        let started = Recorder::sample();
        let found = self.memory.get(hash, key, now, |meta| meta.version > floor);
        if let (Some(started), Some(_)) = (started, &found) {
            self.recorder.sampled(started);
        }
        found
    }

    pub(crate) fn entry_of(&self, hit: Hit<V>) -> Entry<V> {
        let age = self.clock.now().since(hit.meta.created);
        Entry {
            value: hit.value,
            source: Source::Memory,
            age,
            version: hit.meta.version,
        }
    }

    fn insert(&self, key: K, value: V, ttl: Option<Duration>) {
        let hash = self.memory.hash(&key);
        let now = self.clock.now();
        let expires_at = self.policy.expires_at(now, ttl);
        let meta = Meta {
            version: self.log.mint(),
            created: now,
            fresh_until: expires_at,
            expires_at,
            note: 0,
        };
        let (evicted, _) = if expires_at > now {
            self.flights.fence(hash, &key.clone(), || {
                self.memory.insert(hash, key, value, meta, now)
            })
        } else {
            self.flights
                .fence(hash, &key, || self.memory.remove(hash, &key).into())
        };
        drop(evicted);
        self.recorder.count(Event::Insert);
    }

    fn runtime(&self) -> Result<Handle, Error> {
        self.runtime
            .clone()
            .or_else(|| Handle::try_current().ok())
            .ok_or(Error::NoRuntime)
    }

    /// Starts the load as a task of its own.
    fn take_off<F, Fut, L, E>(
        self: &Arc<Self>,
        runtime: &Handle,
        lead: Lead<K, Outcome<V>>,
        key: K,
        hash: u64,
        ttl: Option<Duration>,
        load: F,
    ) where
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        // Between this caller's miss and its boarding another flight may have landed.
        if let Some(Hit { value, meta }) = self.find(hash, &key) {
            lead.land(|_| {
                Ok(Fresh {
                    value,
                    version: meta.version,
                })
            });
            return;
        }
        let inner = self.clone();
        runtime.spawn(async move {
            let unfinished = Unfinished(&inner.recorder);
            let started = Instant::now();
            let loaded = load(LoadCx::new(key.clone())).await;
            std::mem::forget(unfinished);
            inner.recorder.count(Event::Load);
            inner.recorder.loaded(started.elapsed());
            match loaded {
                Ok(loaded) => inner.land(lead, hash, key, loaded.into(), ttl),
                Err(error) => {
                    inner.recorder.count(Event::LoadError);
                    lead.land(|_| Err(Error::Load(LoadError::new(error))));
                }
            }
        });
    }

    /// Publishes what a load brought, unless the key was written or invalidated since it began.
    pub(crate) fn land(
        &self,
        lead: Lead<K, Outcome<V>>,
        hash: u64,
        key: K,
        loaded: Loaded<V>,
        ttl: Option<Duration>,
    ) {
        let Loaded { value, ttl: own } = loaded;
        let now = self.clock.now();
        let expires_at = self.policy.expires_at(now, own.or(ttl));
        let (stamp, version) = (lead.stamp(), self.log.mint());
        let meta = Meta {
            version,
            created: now,
            fresh_until: expires_at,
            expires_at,
            note: 0,
        };
        let mut evicted = None;
        lead.land(|in_table| {
            if !(in_table && self.log.is_unfenced(stamp)) {
                self.recorder.count(Event::Fenced);
            } else if expires_at > now {
                evicted = Some(self.memory.insert(hash, key, value.clone(), meta, now));
            }
            Ok(Fresh { value, version })
        });
        drop(evicted);
    }

    /// Waits for a landing, until the policy's hard time-out counted from `started`.
    async fn wait(
        &self,
        runtime: &Handle,
        ticket: Ticket<Outcome<V>>,
        started: Instant,
    ) -> Result<Landing<Outcome<V>>, Error> {
        let left = self.policy.wait_limit().saturating_sub(started.elapsed());
        let timed = {
            let _runtime = runtime.enter();
            tokio::time::timeout(left, ticket.landing())
        };
        timed.await.map_err(|_| {
            self.recorder.count(Event::Timeout);
            Error::Timeout {
                waited: started.elapsed(),
            }
        })
    }
}

/// Counts a load whose task panicked or was cancelled; forgotten by one that ended.
pub(crate) struct Unfinished<'a>(pub(crate) &'a Recorder);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.count(Event::Load);
        self.0.count(Event::LoadPanic);
    }
}

fn info<K: CacheKey>(key: &K, meta: &Meta, now: Tick) -> EntryInfo {
    EntryInfo {
        key: key.to_text().into_owned(),
        age: now.since(meta.created),
        remaining: (meta.expires_at < Tick::NEVER).then(|| meta.expires_at.since(now)),
        version: meta.version,
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

/// One call on one key, from [`Cache::entry`].
pub struct Lookup<'a, K: CacheKey, V, Q: ?Sized> {
    cache: &'a Cache<K, V>,
    key: &'a Q,
    ttl: Option<Duration>,
}

impl<K, V, Q> Lookup<'_, K, V, Q>
where
    K: CacheKey + Borrow<Q>,
    V: Clone + Send + Sync + 'static,
    Q: KeyRef<K> + ?Sized,
{
    /// The time to live of what this call stores, instead of the policy's; the loader's own wins.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// As [`Cache::get_or_load`], with the whole entry.
    pub async fn or_load<F, Fut, L, E>(self, load: F) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let inner = &*self.cache.inner;
        let hash = inner.memory.hash(self.key);
        if let Some(hit) = inner.find(hash, self.key) {
            inner.recorder.count(Event::Hit);
            return Ok(inner.entry_of(hit));
        }
        self.cache
            .load_through(hash, self.key.to_key(), self.ttl, load)
            .await
    }

    /// As [`Cache::insert`].
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn insert(self, value: V) -> Result<Applied, Error> {
        self.cache.inner.insert(self.key.to_key(), value, self.ttl);
        Ok(Applied::Everywhere)
    }
}
