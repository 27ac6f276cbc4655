//! A get and its miss, on the caller's thread: the path of [`crate::Cache`], but for who loads and
//! how one waits.

use std::borrow::Borrow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use quanta::Instant;

use super::loading::{self, Loading};
use super::wait;
use crate::cache::load::{BOARDINGS_MAX, Call};
use crate::cache::under_way::Former;
use crate::cache::{Inner, Outcome};
use crate::clock::Tick;
use crate::entry::{Applied, Entry, Fence};
use crate::error::Error;
use crate::flight::{Boarding, Landing, Lead, Ticket};
use crate::key::{CacheKey, KeyRef};
use crate::loader::Loaded;
use crate::observe::Event;
use crate::tier::memory::Hit;

/// One call on one key, from [`Cache::entry`](super::Cache::entry).
///
/// ```
/// # use std::time::Duration;
/// # let tokens = larder::sync::Cache::<u64, u32>::builder("tokens").build()?;
/// # let load = |_: &u64| Ok::<_, std::io::Error>(5);
/// let entry = tokens.entry(&7).ttl(Duration::from_secs(30)).tags(["team:1"]).or_load(load)?;
/// assert_eq!((entry.value, entry.source), (5, larder::Source::Loader));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Lookup<'a, K: CacheKey, V, Q: ?Sized> {
    cache: &'a crate::cache::Cache<K, V>,
    key: &'a Q,
    call: Call,
}

impl<'a, K, V, Q> Lookup<'a, K, V, Q>
where
    K: CacheKey + Borrow<Q>,
    V: Clone + Send + Sync + 'static,
    Q: KeyRef<K> + ?Sized,
{
    pub(super) fn new(cache: &'a crate::cache::Cache<K, V>, key: &'a Q) -> Self {
        Self {
            cache,
            key,
            call: Call::plain(cache.inner.memory.hash(key)),
        }
    }

    /// The time to live of what this call stores, instead of the policy's; the loader's own wins.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let tokens = larder::sync::Cache::<u64, u32>::builder("tokens").build()?;
    /// # let load = |_: &u64| Ok::<_, std::io::Error>(5);
    /// tokens.entry(&7).ttl(Duration::from_secs(30)).or_load(load)?;
    /// let info = tokens.entry_info(&7).expect("it was just loaded");
    /// assert!(info.remaining <= Some(Duration::from_secs(30)));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.call.ttl = Some(ttl);
        self
    }

    /// Tags of what this call stores, besides those that the loader gives.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let tokens = larder::sync::Cache::<u64, u32>::builder("tokens").build()?;
    /// # let load = |_: &u64| Ok::<_, std::io::Error>(5);
    /// tokens.entry(&7).tags(["team:1", "eu"]).or_load(load)?;
    /// tokens.invalidate_tag("eu")?;
    /// assert_eq!(tokens.peek(&7), None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.call.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// The entity tag of what this call stores; the loader's own wins.
    ///
    /// ```
    /// # let pages = larder::sync::Cache::<u64, &str>::builder("pages").build()?;
    /// pages.entry(&1).etag("v1").insert("hello")?;
    /// assert_eq!(pages.explain(&1).held.unwrap().etag.as_deref(), Some("v1"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn etag(mut self, etag: impl Into<Arc<str>>) -> Self {
        self.call.etag = Some(etag.into());
        self
    }

    /// Makes an [`insert`](Self::insert) come to nothing if the key was written or invalidated since
    /// the fence was [taken](super::Cache::fence). A load has a fence of its own.
    ///
    /// ```
    /// # use larder::Applied;
    /// # let pages = larder::sync::Cache::<u64, &str>::builder("pages").build()?;
    /// let fence = pages.fence();
    /// assert_eq!(pages.entry(&1).fenced_by(fence).insert("hello")?, Applied::Everywhere);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn fenced_by(mut self, fence: Fence) -> Self {
        self.call.fence = Some(fence.0);
        self
    }

    /// The [lookup version](crate::Cache::get_or_load_at) that is asked for, and of what is stored.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// let load = |_: &u64| Ok::<_, std::io::Error>("Ada");
    /// users.entry(&7).at(1).or_load(load)?;
    /// assert_eq!(users.entry(&7).at(1).or_load(load)?.source, larder::Source::Memory);
    /// assert_eq!(users.entry(&7).at(2).or_load(load)?.source, larder::Source::Loader);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn at(mut self, version: u64) -> Self {
        self.call.at = Some(version);
        self
    }

    /// As [`Cache::get_or_load`](super::Cache::get_or_load), with the whole entry. Without a
    /// background to refresh in, a stale value stands in only when the load fails.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let tokens = larder::sync::Cache::<u64, u32>::builder("tokens").build()?;
    /// # let load = |_: &u64| Ok::<_, std::io::Error>(5);
    /// assert_eq!(tokens.entry(&7).or_load(load)?.source, larder::Source::Loader);
    /// assert_eq!(tokens.entry(&7).or_load(load)?.source, larder::Source::Memory);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn or_load<F, L, E>(self, load: F) -> Result<Entry<V>, Error>
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let inner = &self.cache.inner;
        let (hash, at, now) = (self.call.hash, self.call.at, inner.clock.now());
        match inner.find_at(hash, self.key, now, at) {
            Some(hit) if hit.meta.fresh_until > now => {
                inner.recorder.count(Event::Hit);
                inner.learn_hit(hash, self.key, now);
                Ok(inner.entry_of(hit, now).0)
            }
            stale => {
                let (call, key) = (self.call, self.key.to_key());
                Miss {
                    inner,
                    key: &key,
                    hash,
                }
                .answer(call, stale, now, load)
            }
        }
    }

    /// As [`or_load`](Self::or_load), with `None` where that is [`Error::Absent`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, String>::builder("users").build()?;
    /// let find = |_: &u64| Ok::<Option<String>, std::io::Error>(None);
    /// assert!(users.entry(&7).or_load_optional(find)?.is_none());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn or_load_optional<F, L, E>(self, load: F) -> Result<Option<Entry<V>>, Error>
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        match self.or_load(load) {
            Err(Error::Absent) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    /// As [`Cache::insert`](super::Cache::insert).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let tokens = larder::sync::Cache::<u64, u32>::builder("tokens").build()?;
    /// # let load = |_: &u64| Ok::<_, std::io::Error>(5);
    /// tokens.entry(&7).ttl(Duration::from_secs(30)).tags(["team:1"]).insert(5)?;
    /// assert_eq!(tokens.peek(&7), Some(5));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(self, value: V) -> Result<Applied, Error> {
        let Self { cache, key, call } = self;
        cache.inner.insert(key.to_key(), value, call)
    }
}

/// A key that memory does not settle.
struct Miss<'a, K: CacheKey, V> {
    inner: &'a Arc<Inner<K, V>>,
    key: &'a K,
    hash: u64,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Miss<'_, K, V> {
    /// Loads, with a stale value to fall back on where the policy allows it.
    fn answer<F, L, E>(
        &self,
        call: Call,
        stale: Option<Hit<V>>,
        now: Tick,
        load: F,
    ) -> Result<Entry<V>, Error>
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let inner = self.inner;
        let usable = |hit: &Hit<V>| inner.policy.stale_use(now, hit.meta.fresh_until).is_some();
        let Some(hit) = stale.filter(usable) else {
            if inner.is_absent(self.hash, self.key, now, call.at) {
                inner.negative_hit();
                return Err(Error::Absent);
            }
            inner.missed(self.hash, self.key, call.at);
            return self.load_through(call, None, false, load);
        };
        inner.missed(self.hash, self.key, call.at);
        if !inner.backoff.is_paused(self.hash, now) {
            let former = inner.former(self.key, self.hash, &hit);
            match self.load_through(call, former, true, load) {
                Err(Error::Absent) => return Err(Error::Absent),
                Ok(loaded) => return Ok(loaded),
                Err(_) => {}
            }
        }
        inner.served_stale(self.key);
        Ok(inner.entry_of(hit, now).0)
    }

    /// The miss: this thread loads, or waits for the one that does.
    fn load_through<F, L, E>(
        &self,
        call: Call,
        former: Option<Former<V>>,
        has_fallback: bool,
        load: F,
    ) -> Result<Entry<V>, Error>
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let (inner, key) = (self.inner, self.key);
        if loading::is_loaded_here(self.address(), key) {
            return Err(Error::Reentered);
        }
        let started = Instant::now();
        let mut own = Some((call, former, load));
        let (asked, mut not_before) = (inner.log.stamp(), 0);
        for boarding in 1..=BOARDINGS_MAX {
            inner.open()?;
            let Some((call, _, _)) = &own else {
                break;
            };
            let joining = inner.log.stamp();
            if boarding == BOARDINGS_MAX {
                not_before = u64::MAX;
            }
            let ticket = match inner.board(key, call, joining, not_before) {
                Boarding::Joined(ticket) => {
                    inner.recorder.count(Event::Coalesced);
                    ticket
                }
                Boarding::Leads(lead, ticket) => {
                    let Some((call, former, load)) = own.take() else {
                        break;
                    };
                    self.fly(lead, call, former, load);
                    ticket
                }
                Boarding::Full => return Err(inner.overloaded()),
            };
            match self.wait(ticket, started, has_fallback)? {
                Landing::Landed(outcome) => {
                    inner.recorder.missed(started.elapsed());
                    let fresh = outcome?;
                    if inner.suits(key, &fresh, asked) {
                        return fresh.into_entry();
                    }
                    not_before = asked;
                }
                Landing::Panicked => return Err(Error::LoadPanicked),
                Landing::Lost => {}
            }
        }
        Err(Error::Abandoned)
    }

    /// Runs the load on this thread. When it panics, the waiters are told and the key is free.
    fn fly<F, L, E>(
        &self,
        lead: Lead<K, Outcome<V>>,
        call: Call,
        former: Option<Former<V>>,
        load: F,
    ) where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        if let Some(under_way) = self.inner.begin(lead, self.key.clone(), call, former) {
            let loading = Loading::begin(self.address(), self.key.clone());
            let loaded = load(self.key);
            drop(loading);
            under_way.end(loaded);
        }
    }

    /// Waits for a landing, until the policy's time-out counted from `started`.
    fn wait(
        &self,
        ticket: Ticket<Outcome<V>>,
        started: Instant,
        has_fallback: bool,
    ) -> Result<Landing<Outcome<V>>, Error> {
        let inner = self.inner;
        let limit = inner.policy.wait_limit(has_fallback);
        let left = limit.saturating_sub(started.elapsed());
        wait::at_most(left, ticket.landing()).ok_or_else(|| {
            inner.recorder.count(Event::Timeout);
            let waited = started.elapsed();
            Error::Timeout { waited }
        })
    }

    /// Tells this cache from others for as long as a handle to it lives.
    fn address(&self) -> usize {
        Arc::as_ptr(self.inner).addr()
    }
}
