//! The way of a get that memory did not settle: serve a stale value, refresh, or load and wait.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use quanta::Instant;
use tokio::runtime::Handle;

use super::{Fresh, Inner, Outcome};
use crate::clock::Tick;
use crate::entry::Entry;
use crate::error::{Error, LoadError};
use crate::flight::{Boarding, Landing, Lead, Ticket};
use crate::key::CacheKey;
use crate::loader::{LoadCx, Loaded};
use crate::log::Standing;
use crate::observe::{Event, Recorder};
use crate::policy::Stale;
use crate::tier::memory::Hit;

/// How often a get joins anew when the flight it waited for was cancelled with its runtime, or
/// brought what had been invalidated before the get joined. The last time it leads a flight itself.
pub(crate) const BOARDINGS_MAX: usize = 3;

/// One call's own settings.
pub(crate) struct Call {
    pub(crate) hash: u64,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tags: Vec<Box<str>>,
}

impl Call {
    pub(super) const fn plain(hash: u64) -> Self {
        Self {
            hash,
            ttl: None,
            tags: Vec::new(),
        }
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Answers a get for which memory has nothing, something stale, or something to refresh ahead.
    pub(super) async fn answer<F, Fut, L, E>(
        self: &Arc<Self>,
        key: K,
        call: Call,
        found: Option<Hit<V>>,
        load: F,
    ) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let (now, hash) = (self.clock.now(), call.hash);
        let usable = |hit: &Hit<V>| {
            hit.meta.fresh_until > now || self.policy.stale_use(now, hit.meta.fresh_until).is_some()
        };
        let Some(hit) = found.filter(usable) else {
            self.recorder.count(Event::Miss);
            return self.load_through(key, call, false, load).await;
        };
        let seen = hit.meta.version;
        let (entry, stale) = self.entry_of(hit, now);
        if stale != Some(Stale::Fallback) {
            self.recorder.count(Event::Hit);
            if entry.is_stale {
                self.recorder.count(Event::StaleServed);
            }
            self.refresh(key, call, seen, now, load);
            return Ok(entry);
        }
        self.recorder.count(Event::Miss);
        if !self.backoff.is_paused(hash, now)
            && let Ok(loaded) = self.load_through(key, call, true, load).await
        {
            return Ok(loaded);
        }
        self.recorder.count(Event::StaleServed);
        Ok(entry)
    }

    /// Loads in the background, unless a load of the key is running or has failed a moment ago.
    fn refresh<F, Fut, L, E>(self: &Arc<Self>, key: K, call: Call, seen: u64, now: Tick, load: F)
    where
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let Ok(runtime) = self.runtime() else { return };
        if self.backoff.is_paused(call.hash, now) {
            return;
        }
        let stamp = self.log.stamp();
        if let Boarding::Leads(lead, _) = self.board(&key, call.hash, stamp, 0) {
            self.take_off(&runtime, lead, key, call, Some(seen), load);
        }
    }

    /// The miss: one load for all who want the key.
    async fn load_through<F, Fut, L, E>(
        self: &Arc<Self>,
        key: K,
        call: Call,
        has_fallback: bool,
        load: F,
    ) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let runtime = self.runtime()?;
        let started = Instant::now();
        let mut own = Some((call, load));
        let mut not_before = 0;
        for boarding in 1..=BOARDINGS_MAX {
            let Some((Call { hash, .. }, _)) = &own else {
                break;
            };
            let joining = self.log.stamp();
            if boarding == BOARDINGS_MAX {
                not_before = u64::MAX;
            }
            let ticket = match self.board(&key, *hash, joining, not_before) {
                Boarding::Joined(ticket) => {
                    self.recorder.count(Event::Coalesced);
                    ticket
                }
                Boarding::Leads(lead, ticket) => {
                    let Some((call, load)) = own.take() else {
                        break;
                    };
                    self.take_off(&runtime, lead, key.clone(), call, None, load);
                    ticket
                }
                Boarding::Full => {
                    self.recorder.count(Event::Overload);
                    return Err(Error::Overloaded {
                        limit: self.flights.limit(),
                    });
                }
            };
            match self.wait(&runtime, ticket, started, has_fallback).await? {
                Landing::Landed(outcome) => {
                    let fresh = outcome.inspect_err(|_| self.recorder.missed(started.elapsed()))?;
                    if self.suits(&key, &fresh, joining) {
                        self.recorder.missed(started.elapsed());
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

    /// Whether a flight's result suits a caller who joined it when the log's number was `joined`.
    pub(crate) fn suits(&self, key: &K, fresh: &Fresh<V>, joined: u64) -> bool {
        let Some(tags) = &fresh.tags else {
            return self.log.horizon().min(joined) <= fresh.stamp;
        };
        let standing = self
            .log
            .standing_until(joined, fresh.stamp, tags, || key.to_text());
        standing == Standing::Valid
    }

    /// Joins the key's flight, or leads one. A flight that began before number `not_before`, or
    /// before something that is known to match the key, is left to its own waiters.
    pub(crate) fn board(
        &self,
        key: &K,
        hash: u64,
        stamp: u64,
        not_before: u64,
    ) -> Boarding<K, Outcome<V>> {
        self.flights.board(hash, key, stamp, |began| {
            began >= not_before
                && self.log.standing(began, &[], || key.to_text()) == Standing::Valid
        })
    }

    fn runtime(&self) -> Result<Handle, Error> {
        let current = || Handle::try_current().ok();
        self.runtime
            .clone()
            .or_else(current)
            .ok_or(Error::NoRuntime)
    }

    /// Starts the load as a task of its own. `seen` is the version that the caller wants replaced.
    fn take_off<F, Fut, L, E>(
        self: &Arc<Self>,
        runtime: &Handle,
        lead: Lead<K, Outcome<V>>,
        key: K,
        call: Call,
        seen: Option<u64>,
        load: F,
    ) where
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        if let Some(mut under_way) = self.begin(lead, key, call, seen) {
            runtime.spawn(async move {
                under_way.started = Instant::now();
                let loaded = load(LoadCx::new(under_way.key.clone())).await;
                under_way.end(loaded);
            });
        }
    }

    /// The load that `lead` is for; `None` if memory has the value by now, and it is landed.
    pub(crate) fn begin(
        self: &Arc<Self>,
        lead: Lead<K, Outcome<V>>,
        key: K,
        call: Call,
        seen: Option<u64>,
    ) -> Option<UnderWay<K, V>> {
        // Between this caller's look and its boarding another flight may have landed.
        let now = self.clock.now();
        let is_new = |hit: &Hit<V>| hit.meta.fresh_until > now && Some(hit.meta.version) != seen;
        if let Some(Hit { value, meta }) = self.find(call.hash, &key, now).filter(is_new) {
            let (version, stamp, tags) = (meta.version, lead.stamp(), None);
            lead.land(|_| {
                Ok(Fresh {
                    value,
                    version,
                    stamp,
                    tags,
                })
            });
            return None;
        }
        let inner = self.clone();
        Some(UnderWay {
            inner,
            lead: Some(lead),
            key,
            call,
            started: Instant::now(),
        })
    }

    /// Leaves a loader that failed alone for a moment; this holds where a stale value stands in.
    fn leave_alone(&self, hash: u64) {
        let now = self.clock.now();
        self.backoff
            .pause(hash, now, now.after(self.policy.throttle()));
    }

    /// Waits for a landing, until the policy's time-out counted from `started`.
    async fn wait(
        &self,
        runtime: &Handle,
        ticket: Ticket<Outcome<V>>,
        started: Instant,
        has_fallback: bool,
    ) -> Result<Landing<Outcome<V>>, Error> {
        let limit = self.policy.wait_limit(has_fallback);
        let timed = {
            let _runtime = runtime.enter();
            tokio::time::timeout(limit.saturating_sub(started.elapsed()), ticket.landing())
        };
        timed.await.map_err(|_| {
            self.recorder.count(Event::Timeout);
            Error::Timeout {
                waited: started.elapsed(),
            }
        })
    }
}

/// A load that runs. Dropped before its [`end`](Self::end), it panicked or was cancelled.
pub(crate) struct UnderWay<K: CacheKey, V: Clone + Send + Sync + 'static> {
    inner: Arc<Inner<K, V>>,
    /// Taken when the load ends.
    lead: Option<Lead<K, Outcome<V>>>,
    pub(crate) key: K,
    call: Call,
    started: Instant,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> UnderWay<K, V> {
    /// Hands what the loader brought to everyone who waits, and stores it unless it is fenced.
    pub(crate) fn end<L, E>(mut self, loaded: Result<L, E>)
    where
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let Some(lead) = self.lead.take() else { return };
        let recorder: &Recorder = &self.inner.recorder;
        recorder.count(Event::Load);
        recorder.loaded(self.started.elapsed());
        match loaded {
            Ok(loaded) => {
                let Loaded { value, ttl, tags } = loaded.into();
                let mut all = std::mem::take(&mut self.call.tags);
                all.extend(tags);
                let ttl = ttl.or(self.call.ttl);
                self.inner
                    .land(lead, self.call.hash, self.key.clone(), value, ttl, all);
            }
            Err(error) => {
                recorder.count(Event::LoadError);
                self.inner.leave_alone(self.call.hash);
                lead.land(|_| Err(Error::Load(LoadError::new(error))));
            }
        }
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Drop for UnderWay<K, V> {
    fn drop(&mut self) {
        if self.lead.is_some() {
            self.inner.recorder.count(Event::Load);
            self.inner.recorder.count(Event::LoadPanic);
            self.inner.leave_alone(self.call.hash);
        }
    }
}
