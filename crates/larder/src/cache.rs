//! [`Cache`]: the whole path of a get, an insert and an invalidation, top to bottom.
//!
//! This is the one module that sees all the others: memory holds, the policy decides, the flight
//! makes one load of many, the log fences, the recorder watches.

pub(crate) mod load;
mod lookup;
mod scope;
mod store;

use std::borrow::Borrow;
use std::cell::Cell;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::builder::Builder;
use crate::clock::{Clock, Tick};
use crate::entry::{Applied, Entry, EntryInfo, Source};
use crate::error::Error;
use crate::flight::Flights;
use crate::glob::Glob;
use crate::key::{CacheKey, KeyRef};
use crate::loader::{LoadCx, Loaded};
use crate::log::{InvalidationLog, Item, Pattern, Standing};
use crate::observe::{Event, Recorder, Stats};
use crate::policy::{Policy, Stale};
use crate::tags::{TagSets, Tags};
use crate::tier::memory::{Evictions, Hit, Memory, Meta};

use load::Call;
pub use lookup::Lookup;

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
    pub(crate) memory: Memory<K, V>,
    pub(crate) flights: Arc<Flights<K, Outcome<V>>>,
    pub(crate) log: InvalidationLog,
    pub(crate) tags: TagSets,
    pub(crate) backoff: Backoff,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Clock,
    pub(crate) runtime: Option<Handle>,
}

/// What a flight brings to everyone who waited for it.
pub(crate) type Outcome<V> = Result<Fresh<V>, Error>;

/// A loaded value, with what tells whether it suits those who joined late.
#[derive(Clone)]
pub(crate) struct Fresh<V> {
    pub(crate) value: V,
    pub(crate) version: u64,
    stamp: u64,
    /// `None` where they are not known.
    tags: Option<Tags>,
}

impl<V> Fresh<V> {
    /// The value as a caller of the load sees it.
    pub(crate) fn into_entry(self) -> Entry<V> {
        Entry {
            value: self.value,
            source: Source::Loader,
            age: Duration::ZERO,
            version: self.version,
            is_stale: false,
        }
    }
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
    /// O(1). It counts as a get, in the figures and for what is kept.
    #[inline]
    pub fn peek<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let found = inner.find(inner.memory.hash(key), key, now);
        let found = found.filter(|hit| hit.meta.fresh_until > now);
        inner.recorder.count(if found.is_some() {
            Event::Hit
        } else {
            Event::Miss
        });
        found.map(|hit| hit.value)
    }

    /// The value from whichever tier has it, `None` if none has; a stale one only within
    /// [`Policy::stale_while_revalidate`]. Never loads.
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
        let now = inner.clock.now();
        let found = inner.find(inner.memory.hash(key), key, now);
        let entry = found.map(|hit| inner.entry_of(hit, now));
        let entry = entry.filter(|(_, stale)| matches!(stale, None | Some(Stale::Serve)));
        inner.recorder.count(if entry.is_some() {
            Event::Hit
        } else {
            Event::Miss
        });
        if let Some((_, Some(_))) = entry {
            inner.recorder.count(Event::StaleServed);
        }
        Ok(entry.map(|(entry, _)| entry))
    }

    /// The cached value, or what `load` brings.
    ///
    /// A hit builds no future and allocates nothing. On a miss one `load` runs for all who ask,
    /// as a task of its own on the builder's runtime or the one this is called in; dropping the
    /// returned future cancels nothing. Whether a stale value is served, refreshed ahead, or
    /// stands in for a loader that fails or is slow, is for the [`Policy`] to say.
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
        let (inner, now) = (&self.inner, self.inner.clock.now());
        let hash = inner.memory.hash(key);
        match inner.find(hash, key, now) {
            Some(hit) if inner.is_fresh(&hit.meta, now) => {
                inner.recorder.count(Event::Hit);
                Ok(hit.value)
            }
            found => {
                let answer = inner.answer(key.to_key(), Call::plain(hash), found, load);
                answer.await.map(|entry| entry.value)
            }
        }
    }

    /// A call on `key` with settings of its own, or one that tells more of its result.
    pub fn entry<'a, Q>(&'a self, key: &'a Q) -> Lookup<'a, K, V, Q>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        Lookup::new(&self.inner, key)
    }

    /// Puts a value in. A load of the key that is running may still answer its own waiters, and
    /// will not be stored.
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn insert(&self, key: K, value: V) -> Result<Applied, Error> {
        self.inner.insert(key, value, None, Vec::new())?;
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
        inner.let_go(removed);
        inner.recorder.count(Event::Invalidation);
        Ok(Applied::Everywhere)
    }

    /// Removes every value that has this tag, or whose loader is running and will give it. O(1).
    ///
    /// ```
    /// # use larder::{Cache, Loaded};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada").await?;
    /// users.invalidate_tag("team:1").await?;
    /// assert_eq!(users.peek(&7), None);
    /// # Ok(()) }
    /// ```
    pub async fn invalidate_tag(&self, tag: &str) -> Result<Applied, Error> {
        self.record(Item::Tag(tag.into())).await
    }

    /// Makes every value that has this tag stale at once: the policy decides whether it may be
    /// served while a new one is loaded. O(1).
    pub async fn expire_tag(&self, tag: &str) -> Result<Applied, Error> {
        self.record(Item::SoftTag(tag.into())).await
    }

    /// Removes every value whose key's text starts with `prefix`; all of them if it is empty. O(1).
    pub async fn invalidate_prefix(&self, prefix: &str) -> Result<Applied, Error> {
        if prefix.is_empty() {
            return self.clear().await;
        }
        self.record(Item::Pattern(Pattern::Prefix(prefix.into())))
            .await
    }

    /// Removes every value whose key's text matches `pattern` as a whole: `*` stands for any
    /// characters, `?` for one, `[a-z]` and `[!a-z]` for one of a set, `\` before a literal one.
    /// O(1).
    ///
    /// # Errors
    /// [`Error::Pattern`] says where the pattern goes wrong.
    pub async fn invalidate_matching(&self, pattern: &str) -> Result<Applied, Error> {
        let glob = Glob::parse(pattern)?;
        self.record(Item::Pattern(Pattern::Glob(glob))).await
    }

    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    async fn record(&self, item: Item) -> Result<Applied, Error> {
        self.inner.log.record(item);
        self.inner.recorder.count(Event::Invalidation);
        Ok(Applied::Everywhere)
    }

    /// Makes a key's value stale at once: the policy decides whether it may be served while a new
    /// one is loaded.
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn expire<Q>(&self, key: &Q) -> Result<Applied, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        self.inner.expire(key);
        self.inner.recorder.count(Event::Invalidation);
        Ok(Applied::Everywhere)
    }

    /// Removes everything. Values are unreachable at once; taking back their memory is O(n).
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn clear(&self) -> Result<Applied, Error> {
        self.inner.log.record(Item::All);
        self.inner.empty();
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

    /// Whether a weigher says what an entry takes of the capacity.
    pub fn is_weighed(&self) -> bool {
        self.inner.memory.is_weighed()
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
        let now = inner.clock.now();
        inner.memory.for_each(|key, _, meta| {
            let is_wanted = found.len() < limit && key.to_text().starts_with(prefix);
            if is_wanted && inner.is_live(meta, key, now) {
                found.push(info(key, meta, now));
            }
        });
        found
    }

    /// What is known of the entry of `key` in memory, if it is live. Not counted as a get.
    pub fn entry_info(&self, key: &K) -> Option<EntryInfo> {
        let (inner, now) = (&*self.inner, self.inner.clock.now());
        let found = inner.find(inner.memory.hash(key), key, now)?;
        (found.meta.fresh_until > now).then(|| info(key, &found.meta, now))
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// The entry in memory that no invalidation has made invalid, fresh or stale.
    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q, now: Tick) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let (horizon, started) = (self.log.horizon(), Recorder::sample());
        let older = Cell::new(None);
        let found = self.memory.get(hash, key, now, |meta| {
            if meta.version >= horizon {
                return true;
            }
            let standing = self.standing(meta, &key.to_key());
            older.set(Some(standing));
            standing < Standing::Invalid
        });
        if let (Some(started), Some(_)) = (started, &found) {
            self.recorder.sampled(started);
        }
        match older.get() {
            None => found,
            Some(standing) => {
                found.map(|hit| self.found_valid(hash, key, hit, standing, horizon, now))
            }
        }
    }

    /// An entry that is older than the last invalidation and that it did not match: next time one
    /// comparison tells.
    #[cold]
    fn found_valid<Q>(
        &self,
        hash: u64,
        key: &Q,
        mut hit: Hit<V>,
        standing: Standing,
        horizon: u64,
        now: Tick,
    ) -> Hit<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        if standing == Standing::Expired {
            hit.meta.fresh_until = hit.meta.fresh_until.min(now);
        } else {
            self.memory.restamp(hash, key, hit.meta.version, horizon);
        }
        hit
    }

    fn standing(&self, meta: &Meta, key: &K) -> Standing {
        let tags = self.tags.get(meta.note);
        self.log
            .standing(meta.version, tags.as_deref().unwrap_or_default(), || {
                key.to_text()
            })
    }

    /// Whether an entry is fresh and no invalidation has made it invalid.
    fn is_live(&self, meta: &Meta, key: &K, now: Tick) -> bool {
        meta.fresh_until > now && self.standing(meta, key) == Standing::Valid
    }

    /// Whether a value is served as it is, without a thought of refreshing it.
    #[inline]
    pub(crate) fn is_fresh(&self, meta: &Meta, now: Tick) -> bool {
        meta.fresh_until > now
            && !self
                .policy
                .is_refresh_due(now, meta.created, meta.fresh_until)
    }

    /// The entry as a caller sees it, and what a stale one may be used for.
    pub(crate) fn entry_of(&self, hit: Hit<V>, now: Tick) -> (Entry<V>, Option<Stale>) {
        let Hit { value, meta } = hit;
        let is_stale = meta.fresh_until <= now;
        let stale = is_stale.then(|| {
            self.policy
                .stale_use(now, meta.fresh_until)
                .unwrap_or(Stale::Fallback)
        });
        let age = now.since(meta.created);
        (
            Entry {
                value,
                source: Source::Memory,
                age,
                version: meta.version,
                is_stale,
            },
            stale,
        )
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
