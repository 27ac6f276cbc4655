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
use crate::cache::{Inner, Outcome};
use crate::clock::Tick;
use crate::entry::{Applied, Entry};
use crate::error::Error;
use crate::flight::{Boarding, Landing, Lead, Ticket};
use crate::key::{CacheKey, KeyRef};
use crate::loader::Loaded;
use crate::observe::Event;
use crate::tier::memory::Hit;

/// One call on one key, from [`Cache::entry`](super::Cache::entry).
pub struct Lookup<'a, K: CacheKey, V, Q: ?Sized> {
    cache: &'a crate::cache::Cache<K, V>,
    key: &'a Q,
    ttl: Option<Duration>,
    tags: Vec<Box<str>>,
}

impl<'a, K, V, Q> Lookup<'a, K, V, Q>
where
    K: CacheKey + Borrow<Q>,
    V: Clone + Send + Sync + 'static,
    Q: KeyRef<K> + ?Sized,
{
    pub(super) const fn new(cache: &'a crate::cache::Cache<K, V>, key: &'a Q) -> Self {
        Self {
            cache,
            key,
            ttl: None,
            tags: Vec::new(),
        }
    }

    /// The time to live of what this call stores, instead of the policy's; the loader's own wins.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Tags of what this call stores, besides those that the loader gives.
    #[must_use]
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// As [`Cache::get_or_load`](super::Cache::get_or_load), with the whole entry. Without a
    /// background to refresh in, a stale value stands in only when the load fails.
    pub fn or_load<F, L, E>(self, load: F) -> Result<Entry<V>, Error>
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let inner = &self.cache.inner;
        let (hash, now) = (inner.memory.hash(self.key), inner.clock.now());
        match inner.find(hash, self.key, now) {
            Some(hit) if hit.meta.fresh_until > now => {
                inner.recorder.count(Event::Hit);
                Ok(inner.entry_of(hit, now).0)
            }
            stale => {
                let Self { ttl, tags, .. } = self;
                let (call, key) = (Call { hash, ttl, tags }, self.key.to_key());
                Miss {
                    inner,
                    key: &key,
                    hash,
                }
                .answer(call, stale, now, load)
            }
        }
    }

    /// As [`Cache::insert`](super::Cache::insert).
    pub fn insert(self, value: V) -> Result<Applied, Error> {
        self.cache
            .inner
            .insert(self.key.to_key(), value, self.ttl, self.tags)?;
        Ok(Applied::Everywhere)
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
        inner.recorder.count(Event::Miss);
        let usable = |hit: &Hit<V>| inner.policy.stale_use(now, hit.meta.fresh_until).is_some();
        let Some(hit) = stale.filter(usable) else {
            return self.load_through(call, false, load);
        };
        if !inner.backoff.is_paused(self.hash, now)
            && let Ok(loaded) = self.load_through(call, true, load)
        {
            return Ok(loaded);
        }
        inner.recorder.count(Event::StaleServed);
        Ok(inner.entry_of(hit, now).0)
    }

    /// The miss: this thread loads, or waits for the one that does.
    fn load_through<F, L, E>(
        &self,
        call: Call,
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
        let mut own = Some((call, load));
        let mut not_before = 0;
        for boarding in 1..=BOARDINGS_MAX {
            let joining = inner.log.stamp();
            if boarding == BOARDINGS_MAX {
                not_before = u64::MAX;
            }
            let ticket = match inner.board(key, self.hash, joining, not_before) {
                Boarding::Joined(ticket) => {
                    inner.recorder.count(Event::Coalesced);
                    ticket
                }
                Boarding::Leads(lead, ticket) => {
                    let Some((call, load)) = own.take() else {
                        break;
                    };
                    self.fly(lead, call, load);
                    ticket
                }
                Boarding::Full => {
                    inner.recorder.count(Event::Overload);
                    return Err(Error::Overloaded {
                        limit: inner.flights.limit(),
                    });
                }
            };
            match self.wait(ticket, started, has_fallback)? {
                Landing::Landed(outcome) => {
                    inner.recorder.missed(started.elapsed());
                    let fresh = outcome?;
                    if inner.suits(key, &fresh, joining) {
                        return Ok(fresh.into_entry());
                    }
                    not_before = joining;
                }
                Landing::Panicked => return Err(Error::LoadPanicked),
                Landing::Lost | Landing::InTheAir => {}
            }
        }
        Err(Error::Abandoned)
    }

    /// Runs the load on this thread. When it panics, the waiters are told and the key is free.
    fn fly<F, L, E>(&self, lead: Lead<K, Outcome<V>>, call: Call, load: F)
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        if let Some(under_way) = self.inner.begin(lead, self.key.clone(), call, None) {
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
