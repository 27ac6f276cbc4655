//! Many keys in one call.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use quanta::Instant;

use tracing::Instrument as _;

use super::below::Beneath;
use super::claims::{bring_shared, claim_all, keys_of};
use super::load::{BOARDINGS_MAX, Call};
use super::together::TOGETHER_MAX;
use super::under_way::UnderWay;
use super::{Cache, Inner, Outcome};
use crate::entry::{Applied, Entry};
use crate::error::{Error, LoadError};
use crate::flight::{Boarding, Landing, Ticket};
use crate::key::{CacheKey, KeyRef};
use crate::loader::Loaded;
use crate::observe::Event;

/// What a flight that was joined or led is waited for with.
struct Waiting<K, V> {
    key: K,
    ticket: Ticket<Outcome<V>>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// [`get`](Self::get) for each key, in their order. Of a shared store, the keys that memory does not
    /// serve are read together, up to 100 in one trip.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// let found = users.get_many([&7, &8]).await?;
    /// assert_eq!(found[0].as_ref().map(|entry| entry.value), Some("Ada"));
    /// assert!(found[1].is_none());
    /// # Ok(()) }
    /// ```
    pub async fn get_many<'a, Q>(
        &self,
        keys: impl IntoIterator<Item = &'a Q>,
    ) -> Result<Vec<Option<Entry<V>>>, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized + 'a,
    {
        let inner = &self.inner;
        let (mut found, mut missed) = (Vec::new(), Vec::new());
        for key in keys {
            let mut call = Call::plain(inner.memory.hash(key));
            call.began = inner.clock.now();
            let entry = inner.get_in_memory(key, &call);
            if entry.is_none() {
                missed.push((found.len(), key.to_key(), call));
            }
            found.push(entry);
        }
        if !missed.is_empty() {
            inner.open()?;
        }
        for missed in missed.chunks(TOGETHER_MAX) {
            let keys = missed.iter().map(|(_, key, call)| (key, call));
            let beneath = inner.beneath_together(keys).await;
            for ((at, key, call), beneath) in missed.iter().zip(beneath) {
                found[*at] = inner.get_beneath(key, call, beneath).await?;
            }
        }
        Ok(found)
    }

    /// [`insert`](Self::insert) for each key, in their order. With a disk tier they become durable
    /// together and are waited for once, which takes a fraction of the time of inserts one by one.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); of the entries, some may have been stored.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.insert_many([(7, "Ada"), (8, "Bob")]).await?;
    /// assert_eq!(users.peek(&8), Some("Bob"));
    /// # Ok(()) }
    /// ```
    pub async fn insert_many(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Applied, Error> {
        let inner = &self.inner;
        let (mut last, mut reached) = (None, Applied::Everywhere);
        for (key, value) in entries {
            let hash = inner.memory.hash(&key);
            if inner.readings.is_none() {
                inner.insert_plainly(hash, key, value)?;
            } else if inner.shared.is_some() {
                let inserting = inner.insert_through(key, value, Call::plain(hash));
                reached = match inserting.await? {
                    Applied::Everywhere => reached,
                    other => other,
                };
            } else {
                let (_, receipt) = inner.insert_soon(key, value, Call::plain(hash)).await?;
                last = last.max(receipt);
            }
        }
        inner.settled(last).await?;
        Ok(reached)
    }

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
        mut load: F,
    ) -> Result<HashMap<K, V>, Error>
    where
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<I, E>> + Send + 'static,
        I: IntoIterator<Item = (K, L)> + 'static,
        L: Into<Loaded<V>> + 'static,
        E: Display + Send + Sync + 'static,
    {
        let (inner, started, began) = (&self.inner, Instant::now(), self.inner.clock.now());
        let runtime = inner.runtime()?;
        let mut values = HashMap::new();
        let (asked, mut not_before) = (inner.log.stamp(), 0);
        let mut wanted = inner.look_up_all(keys, &mut values).await?;
        for _ in 0..BOARDINGS_MAX {
            inner.open()?;
            let (waiting, led, is_full) = inner.board_all(std::mem::take(&mut wanted), not_before);
            if inner.shared.is_some() {
                let mut claimed = claim_all(&runtime, led);
                while let Some(led) = claimed.next(inner, started).await? {
                    let loading = load(keys_of(&led));
                    let bringing = bring_shared(inner.clone(), led, loading);
                    runtime.spawn(bringing.in_current_span());
                }
            } else if !led.is_empty() {
                let loading = load(led.iter().map(|load| load.key.clone()).collect());
                runtime.spawn(bring(led, loading).in_current_span());
            }
            if is_full {
                return Err(inner.overloaded());
            }
            for Waiting { key, ticket } in waiting {
                match inner.wait(&runtime, ticket, started, false).await? {
                    Landing::Landed(outcome) => {
                        inner.recorder.missed(started.elapsed());
                        let fresh = outcome?;
                        if inner.suits(&key, &fresh, asked) {
                            if let Ok(entry) = fresh.into_entry() {
                                let entry = inner.noted(entry, &key, began);
                                values.insert(key, entry.value);
                            }
                        } else {
                            wanted.push(key);
                        }
                    }
                    Landing::Panicked => return Err(Error::LoadPanicked),
                    Landing::Lost => wanted.push(key),
                }
            }
            if wanted.is_empty() {
                return Ok(values);
            }
            not_before = asked;
        }
        Err(Error::Abandoned)
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Puts the values that the keys have to the others, and gives back the keys that are to be loaded.
    async fn look_up_all(
        self: &Arc<Self>,
        keys: impl IntoIterator<Item = K>,
        values: &mut HashMap<K, V>,
    ) -> Result<Vec<K>, Error> {
        let (mut missed, mut wanted) = (Vec::new(), Vec::new());
        for key in keys {
            let (mut call, now) = (Call::plain(self.memory.hash(&key)), self.clock.now());
            call.began = now;
            let found = self.find(call.hash, &key, now);
            if let Some(hit) = found.filter(|hit| hit.meta.fresh_until > now) {
                self.recorder.count(Event::Hit);
                self.learn_hit(call.hash, &key, now);
                self.note_hit(&key, now, &hit);
                values.insert(key, hit.value);
            } else {
                missed.push((key, call));
            }
        }
        let mut missed = missed.into_iter();
        loop {
            let some: Vec<_> = missed.by_ref().take(TOGETHER_MAX).collect();
            if some.is_empty() {
                return Ok(wanted);
            }
            let keys = some.iter().map(|(key, call)| (key, call));
            let beneath = self.beneath_together(keys).await;
            for ((key, call), beneath) in some.into_iter().zip(beneath) {
                self.look_beneath(key, &call, beneath, values, &mut wanted)
                    .await?;
            }
        }
    }

    async fn look_beneath(
        &self,
        key: K,
        call: &Call,
        beneath: Beneath<V>,
        values: &mut HashMap<K, V>,
        wanted: &mut Vec<K>,
    ) -> Result<(), Error> {
        match beneath {
            Beneath::Absent => return Ok(()),
            Beneath::Hit(hit, source) if hit.meta.fresh_until > self.clock.now() => {
                let mut entry = self.entry_of(hit, call.began).0;
                entry.source = source;
                let entry = self.served(entry, (call.hash, &key), call.began);
                values.insert(key, entry.value);
                return Ok(());
            }
            Beneath::Hit(..) | Beneath::Nothing => {}
        }
        if let Some(entry) = self.without_link(&key, call).await? {
            let entry = self.served(entry, (call.hash, &key), call.began);
            values.insert(key, entry.value);
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
