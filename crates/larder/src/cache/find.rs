//! The look into memory: what is there, and whether it may be served.

use std::borrow::Borrow;
use std::cell::Cell;

use super::Inner;
use super::learn::Got;
use super::shared::Answer;
use crate::checks::Check;
use crate::clock::Tick;
use crate::entry::{Entry, Source};
use crate::key::{CacheKey, KeyRef};
use crate::log::Standing;
use crate::observe::{Event, Recorder};
use crate::policy::Stale;
use crate::removal::RemovalCause;
use crate::tier::memory::{Hit, Look, Meta};

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// The value that memory answers a get with, counted as a hit; else what it has besides.
    #[inline]
    pub(crate) fn at_once<Q>(
        &self,
        hash: u64,
        key: &Q,
        now: Tick,
        at: Option<u64>,
    ) -> Result<V, Option<Hit<V>>>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        if !self.policy.refreshes_ahead()
            && let Some(value) = self.find_fresh(hash, key, now, at)
        {
            self.recorder.count(Event::Hit);
            return Ok(value);
        }
        match self.find_at(hash, key, now, at) {
            Some(hit) if self.is_fresh(&hit.meta, now) => {
                self.recorder.count(Event::Hit);
                self.learn_hit(hash, key, now);
                self.note_hit(key, now, &hit);
                Ok(hit.value)
            }
            found => Err(found),
        }
    }

    /// The value in memory if it is fresh, of the lookup version `at` where one is given, and no
    /// invalidation has made it invalid.
    #[inline]
    pub(crate) fn find_fresh<Q>(&self, hash: u64, key: &Q, now: Tick, at: Option<u64>) -> Option<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let is_timed = Recorder::is_sample();
        if is_timed || self.learner.takes(hash) {
            return self.find_fresh_seen(hash, key, now, at, is_timed);
        }
        self.look(hash, key, now, at)
    }

    #[inline]
    fn look<Q>(&self, hash: u64, key: &Q, now: Tick, at: Option<u64>) -> Option<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let is_at = |note| at.is_none_or(|at| self.notes.is_at(note, at));
        match self
            .memory
            .get_fresh(hash, key, now, self.horizon(now), is_at)
        {
            Look::Fresh(value) => Some(value),
            Look::Absent => None,
            Look::Unclear => self.find_fresh_closely(hash, key, now, at),
        }
    }

    /// A look that is timed, or whose key is sampled.
    #[cold]
    fn find_fresh_seen<Q>(
        &self,
        hash: u64,
        key: &Q,
        now: Tick,
        at: Option<u64>,
        is_timed: bool,
    ) -> Option<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let started = is_timed.then(quanta::Instant::now);
        let found = self.look(hash, key, now, at);
        if found.is_some() {
            if let Some(started) = started {
                self.recorder.sampled(started);
            }
            self.learn_get(hash, key, now, (Got::Value, is_timed));
        }
        found
    }

    #[cold]
    fn find_fresh_closely<Q>(&self, hash: u64, key: &Q, now: Tick, at: Option<u64>) -> Option<V>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let found = self.find_at(hash, key, now, at)?;
        if found.meta.fresh_until <= now {
            return None;
        }
        self.note_hit(key, now, &found);
        Some(found.value)
    }

    /// The entry in memory that no invalidation has made invalid, fresh or stale.
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q, now: Tick) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        self.find_at(hash, key, now, None)
    }

    /// [`find`](Self::find) for a lookup version, if one is given.
    pub(crate) fn find_at<Q>(
        &self,
        hash: u64,
        key: &Q,
        now: Tick,
        at: Option<u64>,
    ) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        // The log's first: what is lifted to its number is under the floor of every epoch that ends later.
        let horizon = self.log.horizon();
        let (shared, started) = (self.shared_horizon(now), Recorder::sample());
        let (older, mark) = (Cell::new(None), Cell::new(None));
        // Asked under the entry's lock: a note is held for as long as its entry stands.
        let is_at = |meta: &Meta| at.is_none_or(|at| self.notes.is_at(meta.note, at));
        let mut found = self.memory.get(hash, key, now, |meta| {
            if !self.is_trusted(meta, shared) {
                return false;
            }
            if meta.is_watched {
                let note = self.notes.get(meta.note);
                mark.set(note.and_then(|note| note.mark));
            }
            if meta.version >= horizon || !self.checks.stands(Check::Hit) {
                return is_at(meta);
            }
            let standing = self.standing(meta, &key.to_key());
            older.set(Some((standing, meta.version)));
            standing < Standing::Invalid && is_at(meta)
        });
        if let (Some(started), Some(_)) = (started, &found) {
            self.recorder.sampled(started);
        }
        if let Some(found) = &mut found {
            found.mark = mark.get();
        }
        match older.get() {
            None => found,
            Some((Standing::Invalid, version)) => {
                self.reclaim(hash, key, version);
                None
            }
            Some((standing, _)) => {
                found.map(|hit| self.found_valid(hash, key, hit, standing, horizon, now))
            }
        }
    }

    /// Takes out an entry that was found to be invalid.
    #[cold]
    fn reclaim<Q>(&self, hash: u64, key: &Q, version: u64)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let mut reason = None;
        let is_it = |meta: &Meta| {
            let is_it = meta.version == version;
            if is_it && self.misses.is_some() {
                reason = self.blame(meta, &key.to_key());
            }
            is_it
        };
        let removed = self
            .memory
            .remove_if(hash, key, RemovalCause::Invalidated, is_it);
        self.let_go(removed);
        self.learn_removed(hash);
        if let Some(reason) = reason {
            self.lost(hash, reason);
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
        let owned = key.to_key();
        let mut until = Tick::NEVER;
        let (seen, to) = (hit.meta.version, horizon);
        // Asked again under the entry's lock, where another may stand by now.
        self.memory.restamp(hash, key, (seen, to), |meta| {
            let note = self.notes.get(meta.note).unwrap_or_default();
            until = match self.standing(meta, &owned) {
                Standing::Valid => Tick::NEVER,
                Standing::Expired => self.log.expired_since(meta.version, &note.tags)?,
                Standing::Invalid => return None,
            };
            hit.meta.version = to;
            Some(until)
        });
        if standing == Standing::Expired {
            until = until.min(now);
        }
        hit.meta.fresh_until = hit.meta.fresh_until.min(until);
        hit
    }

    pub(crate) fn standing(&self, meta: &Meta, key: &K) -> Standing {
        let note = self.notes.get(meta.note).unwrap_or_default();
        let text = || key.to_text();
        self.log.standing(meta.version, &note.tags, text)
    }

    /// Whether an entry is fresh and no invalidation has made it invalid.
    pub(super) fn is_live(&self, meta: &Meta, key: &K, now: Tick) -> bool {
        meta.fresh_until > now
            && self.is_trusted(meta, self.shared_horizon(now))
            && self.standing(meta, key) == Standing::Valid
    }

    /// Whether a value is served as it is, without a thought of refreshing it.
    #[inline]
    pub(crate) fn is_fresh(&self, meta: &Meta, now: Tick) -> bool {
        meta.fresh_until > now && !(self.policy.refreshes_ahead() && self.is_refresh_due(meta, now))
    }

    #[cold]
    fn is_refresh_due(&self, meta: &Meta, now: Tick) -> bool {
        let times = (meta.created, meta.fresh_until);
        self.policy
            .is_refresh_due(now, times, meta.cost.duration(), fastrand::f64())
    }

    /// Notes a get that memory answers with something fresh, if its key is sampled.
    #[inline]
    pub(super) fn note_hit<Q: KeyRef<K> + ?Sized>(&self, key: &Q, began: Tick, hit: &Hit<V>) {
        let answer = Answer {
            mark: hit.mark,
            source: Source::Memory,
            is_stale: false,
        };
        self.note_read(key, began, answer);
    }

    /// The entry as a caller sees it, and what a stale one may be used for.
    pub(crate) fn entry_of(&self, hit: Hit<V>, now: Tick) -> (Entry<V>, Option<Stale>) {
        let Hit { value, meta, mark } = hit;
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
                mark,
            },
            stale,
        )
    }
}
