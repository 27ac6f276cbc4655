//! The way of a get that memory did not settle: serve a stale value, refresh, or load and wait.

use std::borrow::Borrow;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use quanta::Instant;
use tokio::runtime::Handle;
use tracing::{Instrument as _, Span};

use super::below::Beneath;
use super::shared::Answer;
use super::under_way::{Former, UnderWay};
use super::{Fresh, Inner, Outcome};
use crate::checks::Check;
use crate::clock::Tick;
use crate::entry::{Entry, Source};
use crate::error::Error;
use crate::flight::{Began, Boarding, Landing, Lead, Ticket};
use crate::hooks::Happening;
use crate::key::{CacheKey, KeyRef};
use crate::loader::{LoadCx, Loaded};
use crate::log::Standing;
use crate::misses::MissReason;
use crate::notes::NO_NOTE;
use crate::observe::Event;
use crate::policy::Stale;
use crate::spans;
use crate::tier::memory::{Cost, Hit, Meta};

/// How often a get joins anew when the flight it waited for was cancelled with its runtime, or
/// brought what had been invalidated before the get joined. The last time it leads a flight itself.
pub(crate) const BOARDINGS_MAX: usize = 3;

/// One call's own settings.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) hash: u64,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tags: Vec<Box<str>>,
    pub(crate) etag: Option<Arc<str>>,
    /// The lookup version.
    pub(crate) at: Option<u64>,
    /// The number that nothing may have written the key since.
    pub(crate) fence: Option<u64>,
    /// What the load took, where that is kept.
    pub(crate) cost: Cost,
    /// When the get began.
    pub(crate) began: Tick,
}

impl Call {
    pub(crate) fn plain(hash: u64) -> Self {
        Self {
            hash,
            ..Self::default()
        }
    }

    /// For a lookup version.
    pub(crate) const fn at(mut self, version: u64) -> Self {
        self.at = Some(version);
        self
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
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let span = spans::get(&self.name);
        let answering = self.find_or_load(key, call, found, load);
        let answer = answering.instrument(span.clone().or_current()).await;
        spans::answered(&span, answer.as_ref().map(Some));
        answer
    }

    async fn find_or_load<F, Fut, L, E>(
        self: &Arc<Self>,
        key: K,
        mut call: Call,
        found: Option<Hit<V>>,
        load: F,
    ) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let (now, hash) = (self.clock.now(), call.hash);
        call.began = now;
        let usable = |hit: &Hit<V>| {
            hit.meta.fresh_until > now || self.policy.stale_use(now, hit.meta.fresh_until).is_some()
        };
        let mut found = found.filter(usable);
        let (is_below, mut source) = (found.is_none(), Source::Memory);
        if is_below {
            found = match self.beneath(&key, &call).await {
                Beneath::Hit(hit, from) => {
                    source = from;
                    Some(hit).filter(usable)
                }
                Beneath::Absent => return Err(Error::Absent),
                Beneath::Nothing => None,
            };
        }
        let Some(hit) = found else {
            if let Some(entry) = self.without_link(&key, &call).await? {
                return Ok(self.served(entry, (hash, &key), now));
            }
            self.missed(hash, &key, call.at);
            return self.load_through(key, call, None, false, load).await;
        };
        let is_fresh = is_below && self.is_fresh(&hit.meta, now);
        let former = self.former(&key, hash, &hit);
        let (mut entry, stale) = self.entry_of(hit, now);
        entry.source = source;
        if is_fresh {
            return Ok(self.served(entry, (hash, &key), now));
        }
        if stale != Some(Stale::Fallback) {
            let entry = self.served(entry, (hash, &key), now);
            self.refresh(key, call, former, now, load);
            return Ok(entry);
        }
        self.missed(hash, &key, call.at);
        if !self.backoff.is_paused(hash, now) {
            let loading = self.load_through(key.clone(), call, former, true, load);
            match loading.await {
                Err(Error::Absent) => return Err(Error::Absent),
                Ok(loaded) => return Ok(loaded),
                Err(_) => {}
            }
        }
        self.served_stale(&key);
        Ok(entry)
    }

    /// Counts an entry that answers a get which began then.
    pub(super) fn served<Q>(&self, entry: Entry<V>, (hash, key): (u64, &Q), began: Tick) -> Entry<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        self.recorder.count(Event::Hit);
        self.learn_hit(hash, key, began);
        let entry = self.noted(entry, key, began);
        if entry.is_stale {
            self.served_stale(&key.to_key());
        }
        entry
    }

    /// Notes an entry that answers a get which began then, if its key is sampled.
    pub(super) fn noted<Q>(&self, entry: Entry<V>, key: &Q, began: Tick) -> Entry<V>
    where
        Q: KeyRef<K> + ?Sized,
    {
        let answer = Answer {
            mark: entry.mark,
            source: entry.source,
            is_stale: entry.is_stale,
        };
        self.note_read(key, began, answer);
        entry
    }

    pub(crate) fn served_stale(&self, key: &K) {
        self.recorder.count(Event::StaleServed);
        self.hooks.happened(&Happening::StaleServed { key });
    }

    /// The value found, with its note. `None` if another has taken its place since.
    pub(crate) fn former(&self, key: &K, hash: u64, hit: &Hit<V>) -> Option<Former<V>> {
        let mut note = Some(Arc::default());
        if hit.meta.note != NO_NOTE {
            // A note is held for as long as its entry stands: so it is read under the entry's lock.
            note = None;
            self.memory.inspect(hash, key, |meta| {
                if meta.version == hit.meta.version {
                    note = self.notes.get(meta.note);
                }
            });
        }
        Some(Former {
            value: hit.value.clone(),
            note: note?,
            version: hit.meta.version,
        })
    }

    /// Loads in the background, unless a load of the key is running or has failed a moment ago.
    fn refresh<F, Fut, L, E>(
        self: &Arc<Self>,
        key: K,
        call: Call,
        former: Option<Former<V>>,
        now: Tick,
        load: F,
    ) where
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let Ok(runtime) = self.runtime() else { return };
        if self.backoff.is_paused(call.hash, now) {
            return;
        }
        let stamp = self.log.stamp();
        if let Boarding::Leads(lead, _) = self.board(&key, &call, stamp, 0) {
            self.take_off(&runtime, lead, key, call, former, load);
        }
    }

    /// The miss: one load for all who want the key.
    pub(super) async fn load_through<F, Fut, L, E>(
        self: &Arc<Self>,
        key: K,
        call: Call,
        former: Option<Former<V>>,
        has_fallback: bool,
        load: F,
    ) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let runtime = self.runtime()?;
        let started = Instant::now();
        let began = call.began;
        let mut own = Some((call, former, load));
        let (asked, mut not_before) = (self.log.stamp(), 0);
        for boarding in 1..=BOARDINGS_MAX {
            self.open()?;
            let Some((call, _, _)) = &own else {
                break;
            };
            let joining = self.log.stamp();
            if boarding == BOARDINGS_MAX {
                not_before = u64::MAX;
            }
            let ticket = match self.board(&key, call, joining, not_before) {
                Boarding::Joined(ticket) => {
                    self.recorder.count(Event::Coalesced);
                    ticket
                }
                Boarding::Leads(lead, ticket) => {
                    let Some((call, former, load)) = own.take() else {
                        break;
                    };
                    self.take_off(&runtime, lead, key.clone(), call, former, load);
                    ticket
                }
                Boarding::Full => return Err(self.overloaded()),
            };
            let landing = self.wait(&runtime, ticket, started, has_fallback).await;
            match landing
                .inspect_err(|_| self.hooks.happened(&Happening::TimedOut { key: &key }))?
            {
                Landing::Landed(outcome) => {
                    let fresh = outcome.inspect_err(|_| self.recorder.missed(started.elapsed()))?;
                    if self.suits(&key, &fresh, asked) {
                        self.recorder.missed(started.elapsed());
                        return Ok(self.noted(fresh.into_entry()?, &key, began));
                    }
                    not_before = asked;
                }
                Landing::Panicked => return Err(Error::LoadPanicked),
                Landing::Lost => {}
            }
        }
        Err(Error::Abandoned)
    }

    /// Whether a flight's result suits a caller who asked when the log's number was `asked`: the
    /// flight began no earlier, or nothing that matches its result has been invalidated since it
    /// began. What was invalidated after the caller asked counts too, for the log keeps no more
    /// than the newest number of a tag.
    pub(crate) fn suits(&self, key: &K, fresh: &Fresh<V>, asked: u64) -> bool {
        asked <= fresh.stamp
            || !self.checks.stands(Check::Joining)
            || match &fresh.tags {
                None => self.log.horizon() <= fresh.stamp,
                Some(tags) => {
                    self.log.standing(fresh.stamp, tags, || key.to_text()) == Standing::Valid
                }
            }
    }

    /// Joins the key's flight, or leads one. A flight that began before number `not_before`, or
    /// before something that is known to match the key, is left to its own waiters.
    pub(crate) fn board(
        &self,
        key: &K,
        call: &Call,
        stamp: u64,
        not_before: u64,
    ) -> Boarding<K, Outcome<V>> {
        let began = Began {
            stamp,
            when: self.clock.now(),
        };
        self.flights
            .board(call.hash, key, call.at, began, |running| {
                let Began { stamp, .. } = running;
                !self.checks.stands(Check::Joining)
                    || stamp >= not_before
                        && self.log.standing(stamp, &[], || key.to_text()) == Standing::Valid
                        && self.may_join(running, began.when)
            })
    }

    pub(crate) fn overloaded(&self) -> Error {
        self.recorder.count(Event::Overload);
        let limit = self.flights.limit();
        Error::Overloaded { limit }
    }

    pub(super) fn runtime(&self) -> Result<Handle, Error> {
        let current = || Handle::try_current().ok();
        self.runtime
            .clone()
            .or_else(current)
            .ok_or(Error::NoRuntime)
    }

    /// Starts the load as a task of its own. `former` is what the caller wants replaced.
    fn take_off<F, Fut, L, E>(
        self: &Arc<Self>,
        runtime: &Handle,
        lead: Lead<K, Outcome<V>>,
        key: K,
        call: Call,
        former: Option<Former<V>>,
        load: F,
    ) where
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        if let Some(mut under_way) = self.begin(lead, key, call, former) {
            let span = spans::load(&self.name);
            under_way.span = span.clone();
            let loading = async move {
                under_way.started = Instant::now();
                if under_way.is_shared() {
                    return under_way.run(load).await;
                }
                let loaded = load(under_way.context()).await;
                under_way.end(loaded);
            };
            runtime.spawn(loading.instrument(span.or_current()));
        }
    }

    /// The load that `lead` is for; `None` if memory has the value by now, and it is landed.
    pub(crate) fn begin(
        self: &Arc<Self>,
        lead: Lead<K, Outcome<V>>,
        key: K,
        call: Call,
        former: Option<Former<V>>,
    ) -> Option<UnderWay<K, V>> {
        // Between this caller's look and its boarding another flight may have landed.
        let now = self.clock.now();
        let seen = former.as_ref().map(|former| former.version);
        // First, for a look may give an entry that is valid a newer number.
        let former = former.filter(|former| self.is_former_valid(call.hash, &key, former));
        let is_new = |hit: &Hit<V>| hit.meta.fresh_until > now && Some(hit.meta.version) != seen;
        let found = self.find_at(call.hash, &key, now, call.at);
        let lead = match found.filter(is_new) {
            Some(Hit { value, meta, .. }) => {
                let (stamp, mut value) = (lead.stamp(), Some(value));
                lead.land_on(|| self.found_still(call.hash, &key, stamp, &meta, &mut value))?
            }
            None => lead,
        };
        let inner = self.clone();
        Some(UnderWay {
            inner,
            lead: Some(lead),
            token: None,
            key,
            call,
            former,
            started: Instant::now(),
            is_waiting: false,
            unmodified: None,
            span: Span::none(),
        })
    }

    /// Whether what a load is to replace may be shown to it: what was invalidated before the flight
    /// began may not, for the load may say that it is still true.
    fn is_former_valid(&self, hash: u64, key: &K, former: &Former<V>) -> bool {
        let mut is_there = false;
        self.memory
            .inspect(hash, key, |meta| is_there = meta.version == former.version);
        let standing = || {
            let tags = &former.note.tags;
            self.log.standing(former.version, tags, || key.to_text())
        };
        is_there && standing() != Standing::Invalid
    }

    /// The value found in memory as the outcome of the flight with this stamp, if it is there
    /// still; else it is left where it is, for the caller to drop under no lock.
    fn found_still(
        &self,
        hash: u64,
        key: &K,
        stamp: u64,
        found: &Meta,
        value: &mut Option<V>,
    ) -> Option<Outcome<V>> {
        // Others may have joined since it was found: it has to be trusted now.
        let shared = self.shared_horizon(self.clock.now());
        let mut is_there = false;
        self.memory.inspect(hash, key, |meta| {
            is_there = meta.version == found.version && self.is_trusted(meta, shared);
        });
        is_there.then(|| {
            Ok(Fresh {
                value: value.take(),
                version: found.version,
                stamp,
                tags: None,
                source: Source::Memory,
                mark: None,
            })
        })
    }

    /// Leaves a loader that failed alone for a moment, which holds where a stale value stands in, and
    /// remembers why there is none.
    pub(super) fn load_failed(&self, hash: u64) {
        let now = self.clock.now();
        self.backoff
            .pause(hash, now, now.after(self.policy.throttle()));
        self.came_to_nothing(hash, MissReason::LoadFailed);
    }

    /// Waits for a landing, until the policy's time-out counted from `started`.
    pub(super) async fn wait(
        &self,
        runtime: &Handle,
        ticket: Ticket<Outcome<V>>,
        started: Instant,
        has_fallback: bool,
    ) -> Result<Landing<Outcome<V>>, Error> {
        let limit = self.policy.wait_limit(has_fallback);
        let left = limit.saturating_sub(started.elapsed());
        landing_within(left, runtime, ticket).await.ok_or_else(|| {
            self.recorder.count(Event::Timeout);
            let waited = started.elapsed();
            Error::Timeout { waited }
        })
    }
}

/// Waits for a landing, `None` if that takes longer than `limit` by the runtime's time.
pub(super) async fn landing_within<T: Clone>(
    limit: Duration,
    runtime: &Handle,
    ticket: Ticket<T>,
) -> Option<Landing<T>> {
    within(limit, runtime, ticket.landing()).await
}

/// `None` if it takes longer than `limit` by the runtime's time.
pub(super) async fn within<T>(
    limit: Duration,
    runtime: &Handle,
    coming: impl Future<Output = T>,
) -> Option<T> {
    let timed = {
        let _runtime = runtime.enter();
        tokio::time::timeout(limit, coming)
    };
    timed.await.ok()
}
