//! A get and its miss, on the caller's thread: the path of [`crate::Cache`], but for who loads and
//! how one waits.

use std::borrow::Borrow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use quanta::Instant;

use super::loading::{self, Loading};
use super::wait;
use crate::cache::{Fresh, Inner, Outcome, Unfinished};
use crate::entry::{Applied, Entry, Source};
use crate::error::{Error, LoadError};
use crate::flight::{Boarding, Landing, Lead, Ticket};
use crate::key::{CacheKey, KeyRef};
use crate::loader::Loaded;
use crate::observe::Event;
use crate::tier::memory::Hit;

/// How often a get asks anew when the load it waited for was given up.
const BOARDINGS_MAX: usize = 3;

/// One call on one key, from [`Cache::entry`](super::Cache::entry).
pub struct Lookup<'a, K: CacheKey, V, Q: ?Sized> {
    cache: &'a crate::cache::Cache<K, V>,
    key: &'a Q,
    ttl: Option<Duration>,
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
        }
    }

    /// The time to live of what this call stores, instead of the policy's; the loader's own wins.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// As [`Cache::get_or_load`](super::Cache::get_or_load), with the whole entry.
    pub fn or_load<F, L, E>(self, load: F) -> Result<Entry<V>, Error>
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let inner = &self.cache.inner;
        let hash = inner.memory.hash(self.key);
        if let Some(hit) = inner.find(hash, self.key) {
            inner.recorder.count(Event::Hit);
            return Ok(inner.entry_of(hit));
        }
        let miss = Miss {
            inner,
            hash,
            key: &self.key.to_key(),
            ttl: self.ttl,
        };
        miss.load_through(load)
    }

    /// As [`Cache::insert`](super::Cache::insert).
    pub fn insert(self, value: V) -> Result<Applied, Error> {
        let mut lookup = self.cache.entry(self.key);
        if let Some(ttl) = self.ttl {
            lookup = lookup.ttl(ttl);
        }
        wait::for_ready(lookup.insert(value))
    }
}

/// A key that was not found, and how its value is stored once it is.
struct Miss<'a, K: CacheKey, V> {
    inner: &'a Arc<Inner<K, V>>,
    hash: u64,
    key: &'a K,
    ttl: Option<Duration>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Miss<'_, K, V> {
    /// The miss: this thread loads, or waits for the one that does.
    fn load_through<F, L, E>(&self, load: F) -> Result<Entry<V>, Error>
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let (inner, key) = (self.inner, self.key);
        inner.recorder.count(Event::Miss);
        if loading::is_loaded_here(self.address(), key) {
            return Err(Error::Reentered);
        }
        let started = Instant::now();
        let mut load = Some(load);
        for _ in 0..BOARDINGS_MAX {
            let stamp = inner.log.stamp();
            let ticket = match inner
                .flights
                .board(self.hash, key, stamp, inner.log.floor())
            {
                Boarding::Joined(ticket) => {
                    inner.recorder.count(Event::Coalesced);
                    ticket
                }
                Boarding::Leads(lead, ticket) => {
                    let Some(load) = load.take() else {
                        return Err(Error::Abandoned);
                    };
                    self.fly(lead, load);
                    ticket
                }
                Boarding::Full => {
                    inner.recorder.count(Event::Overload);
                    let limit = inner.flights.limit();
                    return Err(Error::Overloaded { limit });
                }
            };
            match self.wait(ticket, started)? {
                Landing::Landed(outcome) => {
                    inner.recorder.missed(started.elapsed());
                    return outcome.map(loaded_entry);
                }
                Landing::Panicked => return Err(Error::LoadPanicked),
                Landing::Lost | Landing::InTheAir => {}
            }
        }
        Err(Error::Abandoned)
    }

    /// Runs the load on this thread. When it panics, `lead` tells the waiters and frees the key.
    fn fly<F, L, E>(&self, lead: Lead<K, Outcome<V>>, load: F)
    where
        F: FnOnce(&K) -> Result<L, E>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let (inner, hash, key) = (self.inner, self.hash, self.key);
        // Between this thread's miss and its boarding another flight may have landed.
        if let Some(Hit { value, meta }) = inner.find(hash, key) {
            let version = meta.version;
            lead.land(|_| Ok(Fresh { value, version }));
            return;
        }
        let unfinished = Unfinished(&inner.recorder);
        let loading = Loading::begin(self.address(), key.clone());
        let started = Instant::now();
        let loaded = load(key);
        drop(loading);
        std::mem::forget(unfinished);
        inner.recorder.count(Event::Load);
        inner.recorder.loaded(started.elapsed());
        match loaded {
            Ok(loaded) => inner.land(lead, hash, key.clone(), loaded.into(), self.ttl),
            Err(error) => {
                inner.recorder.count(Event::LoadError);
                lead.land(|_| Err(Error::Load(LoadError::new(error))));
            }
        }
    }

    /// Waits for a landing, until the policy's hard time-out counted from `started`.
    fn wait(
        &self,
        ticket: Ticket<Outcome<V>>,
        started: Instant,
    ) -> Result<Landing<Outcome<V>>, Error> {
        let inner = self.inner;
        let left = inner.policy.wait_limit().saturating_sub(started.elapsed());
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

fn loaded_entry<V>(Fresh { value, version }: Fresh<V>) -> Entry<V> {
    Entry {
        value,
        source: Source::Loader,
        age: Duration::ZERO,
        version,
    }
}
