//! Many keys in one call, with one load for all that are missing.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use quanta::Instant;
use tokio::runtime::Handle;

use tracing::Instrument as _;

use super::below::Beneath;
use super::claims::{bring_shared, claim_all, keys_of};
use super::load::{BOARDINGS_MAX, Call};
use super::together::TOGETHER_MAX;
use super::under_way::UnderWay;
use super::{Cache, Inner, Outcome};
use crate::clock::Tick;
use crate::entry::{Entry, Source};
use crate::error::{Error, LoadError};
use crate::flight::{Boarding, Landing, Ticket};
use crate::key::CacheKey;
use crate::loader::Loaded;
use crate::observe::Event;
use crate::spans::{self, Tiers};

/// When a call began.
#[derive(Clone, Copy)]
struct Started {
    at: Instant,
    /// The same by the cache's clock.
    began: Tick,
    /// By the log of invalidations.
    stamp: u64,
}

impl Started {
    fn now<K: CacheKey, V>(inner: &Inner<K, V>) -> Self {
        Self {
            at: Instant::now(),
            began: inner.clock.now(),
            stamp: inner.log.stamp(),
        }
    }
}

/// Values so far, and where they were found.
struct Found<K, V> {
    values: HashMap<K, V>,
    tiers: Tiers,
}

impl<K, V> Default for Found<K, V> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            tiers: Tiers::default(),
        }
    }
}

impl<K: CacheKey, V> Found<K, V> {
    fn insert(&mut self, key: K, value: V, source: Source) {
        self.tiers.add(source);
        self.values.insert(key, value);
    }
}

/// What a flight that was joined or led is waited for with.
struct Waiting<K, V> {
    key: K,
    ticket: Ticket<Outcome<V>>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// The values of many keys: the cached ones, and those that one `load` brings for all that are
    /// missing and that nobody else loads just now. A key for which it brings nothing is
    /// [absent](Loaded::absent), and not in the answer. What it brings besides is ignored.
    ///
    /// Each key is fenced, and shared with those who ask for it alone, as in
    /// [`get_or_load`](Self::get_or_load); the load is one task, and dropping the future cancels
    /// nothing. A value past its time is loaded anew; it does not stand in for one that fails.
    ///
    /// Of a shared store each key has a lease of its own. Keys that another process loads are waited
    /// for; those that it then does not bring are loaded by another call of `load`. A future that is
    /// dropped while it waits for leases begins no load.
    ///
    /// # Errors
    /// As [`get_or_load`](Self::get_or_load); what was loaded stays cached.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, String>::builder("users").build()?;
    /// users.insert(7, "Ada".into()).await?;
    /// let names = users
    ///     .get_or_load_many([7, 8, 9], |missing| async move {
    ///         assert_eq!(missing, [8, 9]);
    ///         Ok::<_, std::io::Error>([(8, "Bob".to_owned())]) // one query for all of them
    ///     })
    ///     .await?;
    /// assert_eq!((names[&7].as_str(), names[&8].as_str()), ("Ada", "Bob"));
    /// assert_eq!(names.get(&9), None);
    /// # Ok(()) }
    /// ```
    pub async fn get_or_load_many<F, Fut, I, L, E>(
        &self,
        keys: impl IntoIterator<Item = K>,
        load: F,
    ) -> Result<HashMap<K, V>, Error>
    where
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<I, E>> + Send + 'static,
        I: IntoIterator<Item = (K, L)> + 'static,
        L: Into<Loaded<V>> + 'static,
        E: Display + Send + Sync + 'static,
    {
        let (inner, started) = (&self.inner, Started::now(&self.inner));
        let runtime = inner.runtime()?;
        let (mut found, mut asked) = (Found::default(), 0);
        let keys = keys.into_iter().inspect(|_| asked += 1);
        let missed = inner.find_all(keys, &mut found);
        inner.open()?;
        if missed.is_empty() {
            return Ok(found.values);
        }
        let span = spans::get_many(&inner.name, asked);
        let loading = inner.find_or_load_all(&runtime, missed, &mut found, load, started);
        let loaded = loading.instrument(span.clone().or_current()).await;
        spans::answered_many(&span, asked, loaded.as_ref().map(|()| found.tiers));
        loaded.map(|()| found.values)
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Puts the values that memory has to the others, and gives back the other keys.
    fn find_all(
        self: &Arc<Self>,
        keys: impl Iterator<Item = K>,
        found: &mut Found<K, V>,
    ) -> Vec<(K, Call)> {
        let mut missed = Vec::new();
        for key in keys {
            let (mut call, now) = (Call::plain(self.memory.hash(&key)), self.clock.now());
            call.began = now;
            let hit = self.find(call.hash, &key, now);
            if let Some(hit) = hit.filter(|hit| hit.meta.fresh_until > now) {
                self.recorder.count(Event::Hit);
                self.learn_hit(call.hash, &key, now);
                self.note_hit(&key, now, &hit);
                found.insert(key, hit.value, Source::Memory);
            } else {
                missed.push((key, call));
            }
        }
        missed
    }

    /// Finds the keys' values beneath memory, or has them loaded together.
    async fn find_or_load_all<F, Fut, I, L, E>(
        self: &Arc<Self>,
        runtime: &Handle,
        missed: Vec<(K, Call)>,
        found: &mut Found<K, V>,
        mut load: F,
        started: Started,
    ) -> Result<(), Error>
    where
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<I, E>> + Send + 'static,
        I: IntoIterator<Item = (K, L)> + 'static,
        L: Into<Loaded<V>> + 'static,
        E: Display + Send + Sync + 'static,
    {
        let mut not_before = 0;
        let mut wanted = self.find_all_beneath(missed, found).await?;
        for _ in 0..BOARDINGS_MAX {
            self.open()?;
            let (waiting, led, is_full) = self.board_all(std::mem::take(&mut wanted), not_before);
            if self.shared.is_some() {
                let mut claimed = claim_all(runtime, led);
                while let Some(led) = claimed.next(self, started.at).await? {
                    let loading = load(keys_of(&led));
                    let bringing = bring_shared(self.clone(), led, loading);
                    runtime.spawn(bringing.in_current_span());
                }
            } else if !led.is_empty() {
                let loading = load(led.iter().map(|load| load.key.clone()).collect());
                runtime.spawn(bring(led, loading).in_current_span());
            }
            if is_full {
                return Err(self.overloaded());
            }
            let landing = self.land_all(runtime, waiting, found, started);
            wanted = landing.await?;
            if wanted.is_empty() {
                return Ok(());
            }
            not_before = started.stamp;
        }
        Err(Error::Abandoned)
    }

    /// Puts what the flights bring to the others, and gives back the keys whose flights brought nothing
    /// that this call may have.
    async fn land_all(
        self: &Arc<Self>,
        runtime: &Handle,
        waiting: Vec<Waiting<K, V>>,
        found: &mut Found<K, V>,
        started: Started,
    ) -> Result<Vec<K>, Error> {
        let mut wanted = Vec::new();
        for Waiting { key, ticket } in waiting {
            match self.wait(runtime, ticket, started.at, false).await? {
                Landing::Landed(outcome) => {
                    self.recorder.missed(started.at.elapsed());
                    let fresh = outcome?;
                    if !self.suits(&key, &fresh, started.stamp) {
                        wanted.push(key);
                    } else if let Ok(entry) = fresh.into_entry() {
                        let entry = self.noted(entry, &key, started.began);
                        found.insert(key, entry.value, entry.source);
                    }
                }
                Landing::Panicked => return Err(Error::LoadPanicked),
                Landing::Lost => wanted.push(key),
            }
        }
        Ok(wanted)
    }

    /// Puts the values that are beneath memory to the others, and gives back the keys that are to be
    /// loaded.
    async fn find_all_beneath(
        self: &Arc<Self>,
        missed: Vec<(K, Call)>,
        found: &mut Found<K, V>,
    ) -> Result<Vec<K>, Error> {
        let (mut missed, mut wanted) = (missed.into_iter(), Vec::new());
        loop {
            let some: Vec<_> = missed.by_ref().take(TOGETHER_MAX).collect();
            if some.is_empty() {
                return Ok(wanted);
            }
            let keys = some.iter().map(|(key, call)| (key, call));
            let beneath = self.beneath_together(keys).await;
            for ((key, call), beneath) in some.into_iter().zip(beneath) {
                self.look_beneath(key, &call, beneath, found, &mut wanted)
                    .await?;
            }
        }
    }

    async fn look_beneath(
        &self,
        key: K,
        call: &Call,
        beneath: Beneath<V>,
        found: &mut Found<K, V>,
        wanted: &mut Vec<K>,
    ) -> Result<(), Error> {
        let entry = match beneath {
            Beneath::Absent => return Ok(()),
            Beneath::Hit(hit, source) if hit.meta.fresh_until > self.clock.now() => {
                let entry = self.entry_of(hit, call.began).0;
                Some(Entry { source, ..entry })
            }
            Beneath::Hit(..) | Beneath::Nothing => self.without_link(&key, call).await?,
        };
        if let Some(entry) = entry {
            let entry = self.served(entry, (call.hash, &key), call.began);
            found.insert(key, entry.value, entry.source);
            return Ok(());
        }
        self.missed(call.hash, &key, None);
        wanted.push(key);
        Ok(())
    }

    /// Joins the flight of each key, or leads one, until as many run as may.
    #[expect(clippy::type_complexity, reason = "three parts, taken apart at once")]
    fn board_all(
        self: &Arc<Self>,
        keys: Vec<K>,
        not_before: u64,
    ) -> (Vec<Waiting<K, V>>, Vec<UnderWay<K, V>>, bool) {
        let (mut waiting, mut led) = (Vec::new(), Vec::new());
        for key in keys {
            let (stamp, call) = (self.log.stamp(), Call::plain(self.memory.hash(&key)));
            let ticket = match self.board(&key, &call, stamp, not_before) {
                Boarding::Joined(ticket) => {
                    self.recorder.count(Event::Coalesced);
                    ticket
                }
                Boarding::Leads(lead, ticket) => {
                    led.extend(self.begin(lead, key.clone(), call, None));
                    ticket
                }
                Boarding::Full => return (waiting, led, true),
            };
            waiting.push(Waiting { key, ticket });
        }
        (waiting, led, false)
    }
}

/// Ends the flights with what `loading` brings for them.
async fn bring<K, V, I, L, E>(led: Vec<UnderWay<K, V>>, loading: impl Future<Output = Result<I, E>>)
where
    K: CacheKey,
    V: Clone + Send + Sync + 'static,
    I: IntoIterator<Item = (K, L)>,
    L: Into<Loaded<V>>,
    E: Display + Send + Sync + 'static,
{
    let mut brought = Brought::of(loading.await);
    for load in led {
        let loaded = brought.take(&load.key);
        load.settle(loaded);
    }
}

/// What a load of many keys brought.
pub(super) struct Brought<K, V>(Result<HashMap<K, Loaded<V>>, Error>);

impl<K: CacheKey, V> Brought<K, V> {
    pub(super) fn of<I, L, E>(loaded: Result<I, E>) -> Self
    where
        I: IntoIterator<Item = (K, L)>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let by_key = |brought: I| {
            let brought = brought.into_iter();
            brought.map(|(key, loaded)| (key, loaded.into())).collect()
        };
        Self(
            loaded
                .map(by_key)
                .map_err(|error| Error::Load(LoadError::new(error))),
        )
    }

    /// It did not begin.
    pub(super) const fn none(error: Error) -> Self {
        Self(Err(error))
    }

    /// What it brought for the key: nothing is that there is no value.
    pub(super) fn take(&mut self, key: &K) -> Result<Loaded<V>, Error> {
        match &mut self.0 {
            Ok(brought) => Ok(brought.remove(key).unwrap_or_else(Loaded::absent)),
            Err(error) => Err(error.clone()),
        }
    }
}
