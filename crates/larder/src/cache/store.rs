//! What goes into memory and what leaves it.

use std::borrow::Borrow;
use std::cell::Cell;
use std::time::Duration;

use super::down::Kept;
use super::load::Call;
use super::{Fresh, Inner, Outcome};
use crate::clock::Tick;
use crate::entry::{Applied, Source};
use crate::error::{Error, TAG_BYTES_MAX, TAGS_MAX};
use crate::flight::Lead;
use crate::gate::SUSPECT;
use crate::key::{CacheKey, KeyRef};
use crate::log::{Item, Standing};
use crate::misses::MissReason;
use crate::notes::{NO_NOTE, Note, tag_set};
use crate::observe::Event;
use crate::tier::memory::{Bar, Cost, Departures, Limits, Memory, Meta};
use crate::tier::{Receipt, Room, TakenIn, Write};

/// The most keys of which it is remembered that they have no value.
const ABSENT_MAX: u64 = 65_536;

/// What left memory for a value, or for that there is none: to be dropped under no lock.
pub(super) struct Left<K, V> {
    values: Departures<K, V>,
    absences: Option<Departures<K, ()>>,
    #[expect(dead_code, reason = "kept until the locks are left")]
    below: Option<TakenIn<V>>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Puts a value in by hand; a load of its key is fenced off.
    pub(crate) fn insert(&self, key: K, value: V, call: Call) -> Result<Applied, Error> {
        self.open()?;
        let Call {
            hash, ttl, fence, ..
        } = call;
        let note = call.is_noted().then(|| call.into_note()).transpose()?;
        let number = note.as_ref().map_or(NO_NOTE, |note| self.notes.hold(note));
        let tags = note.as_ref().map_or(&[][..], |note| &note.tags);
        let now = self.clock.now();
        let meta = self.meta_of(now, ttl, number, Cost::UNKNOWN);
        let may_store = |key: &K| self.may_write(fence, key, hash, tags);
        let sampled = self.learner.takes(hash).then(|| key.clone());
        let is_stored = meta.expires_at > now;
        let mut departed = Departures::new();
        let is_done = if is_stored {
            self.write(
                (hash, key, value),
                meta,
                self.bar(now),
                may_store,
                &mut departed,
            )
        } else {
            self.flights.fence::<_, K, _>(hash, &key, |key| {
                let may = may_store(key);
                if may {
                    self.forget_absence(hash, key);
                    departed = self.memory.remove(hash, key).into();
                }
                may
            })
        };
        self.let_go(departed);
        if !is_stored || !is_done {
            self.notes.release(meta.note);
        }
        if !is_done {
            self.recorder.count(Event::Fenced);
            return Ok(Applied::Fenced);
        }
        if let Some(key) = sampled {
            self.learn_stored(hash, &key, false);
        }
        self.recorder.count(Event::Insert);
        Ok(Applied::Everywhere)
    }

    /// As [`insert`](Self::insert), without settings of the call's own.
    pub(crate) fn insert_plainly(&self, hash: u64, key: K, value: V) -> Result<Applied, Error> {
        self.open()?;
        let now = self.clock.now();
        let meta = self.meta_of(now, None, NO_NOTE, Cost::UNKNOWN);
        if meta.expires_at <= now {
            return self.insert(key, value, Call::plain(hash));
        }
        let may_store = |key: &K| self.may_write(None, key, hash, &[]);
        let sampled = self.learner.takes(hash).then(|| key.clone());
        let mut departed = Departures::new();
        self.write(
            (hash, key, value),
            meta,
            self.bar(now),
            may_store,
            &mut departed,
        );
        self.tell(&departed);
        if let Some(key) = sampled {
            self.learn_stored(hash, &key, false);
        }
        self.recorder.count(Event::Insert);
        Ok(Applied::Everywhere)
    }

    /// Writes a value to memory if `may_store` says yes, such that no load that began before can
    /// replace it; returns whether it did. Where none runs, that needs no lock but memory's own.
    #[inline]
    fn write(
        &self,
        (hash, mut key, mut value): (u64, K, V),
        meta: Meta,
        bar: Bar,
        may_store: impl Fn(&K) -> bool,
        departed: &mut Departures<K, V>,
    ) -> bool {
        if self.flights.are_none() {
            let is_alone = Cell::new(true);
            let forgotten = self.absent.get().map(|_| key.clone());
            let may = |key: &K| {
                let is_known = forgotten.is_some() || self.absent.get().is_none();
                is_alone.set(is_known && self.flights.are_none());
                is_alone.get() && may_store(key)
            };
            // What is known to be absent is forgotten after the write, not before: a flight could
            // remember it again between the two.
            let new = (hash, key, value);
            match self.memory.insert_if(new, meta, bar, may, departed) {
                Ok(()) => {
                    if let Some(key) = forgotten {
                        self.forget_absence(hash, &key);
                    }
                    return true;
                }
                Err(_) if is_alone.get() => return false,
                Err(refused) => (key, value) = refused,
            }
        }
        self.write_fencing((hash, key, value), meta, bar, may_store, departed)
    }

    #[inline(never)]
    fn write_fencing(
        &self,
        (hash, key, value): (u64, K, V),
        meta: Meta,
        bar: Bar,
        may_store: impl FnOnce(&K) -> bool,
        departed: &mut Departures<K, V>,
    ) -> bool {
        // Refused, key and value are dropped outside of the lock.
        let stored = self.flights.fence::<_, K, _>(hash, key, |key| {
            self.forget_absence(hash, &key);
            let new = (hash, key, value);
            self.memory.insert_if(new, meta, bar, may_store, departed)
        });
        stored.is_ok()
    }

    /// Whether a value may be written that was read from the origin after the number `fence`: nothing
    /// has written or invalidated its key since. Without a fence it may, and is noted as a write; with
    /// one it is as what loads bring, and keeps no other reading out.
    #[inline]
    pub(super) fn may_write(
        &self,
        fence: Option<u64>,
        key: &K,
        hash: u64,
        tags: &[Box<str>],
    ) -> bool {
        let Some(fence) = fence else {
            self.stripes.note(hash, || self.log.mint());
            return true;
        };
        self.stripes.last(hash) <= fence && self.log.is_unfenced(fence, tags, || key.to_text())
    }

    /// Takes the key's value out; a load of it is fenced off. With room, it is taken out below too.
    pub(super) fn remove<Q>(&self, key: &Q, room: Option<Room>) -> Option<Receipt>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let hash = self.memory.hash(key);
        let (removed, taken) = self.fence(hash, key, || {
            self.stripes.note(hash, || self.log.mint());
            self.forget_absence(hash, key);
            let taken = room.and_then(|room| self.write_below(key, Write::Remove, room));
            (self.memory.remove(hash, key), taken)
        });
        self.let_go(removed);
        self.learn_removed(hash);
        taken.map(|taken| taken.receipt)
    }

    pub(super) fn store(
        &self,
        hash: u64,
        key: K,
        value: V,
        meta: Meta,
        now: Tick,
    ) -> Departures<K, V> {
        let sampled = self.learner.takes(hash).then(|| key.clone());
        let departed = self.memory.insert(hash, key, value, meta, self.bar(now));
        if let Some(key) = sampled {
            self.learn_stored(hash, &key, true);
        }
        departed
    }

    /// What entries in memory must be above.
    #[inline]
    fn bar(&self, now: Tick) -> Bar {
        let floor = self.log.floor();
        Bar { now, floor }
    }

    /// What is known of a value that is about to be stored; `note` is held for it.
    #[inline]
    pub(super) fn meta_of(&self, now: Tick, ttl: Option<Duration>, note: u32, cost: Cost) -> Meta {
        let version = self.log.mint();
        let (fresh_until, expires_at) = match (self.lives, ttl) {
            (Some(lives), None) => lives.deadlines(now),
            _ => self.policy.deadlines(now, ttl, version),
        };
        Meta {
            version,
            created: now,
            fresh_until,
            expires_at,
            note,
            cost,
            is_watched: false,
        }
    }

    /// Publishes what a load brought, unless the key was written or invalidated since it began;
    /// returns whether it was.
    pub(super) fn land(&self, lead: Lead<K, Outcome<V>>, key: K, value: V, call: Call) -> bool {
        let Call {
            hash, ttl, cost, ..
        } = call;
        let note = match call.into_note() {
            Ok(note) => note,
            Err(error) => {
                lead.land(|_| Err(error));
                return false;
            }
        };
        let (now, stamp) = (self.clock.now(), lead.stamp());
        let meta = self.meta_of(now, ttl, self.notes.hold(&note), cost);
        let (mut is_fenced, mut departed, mut below) = (false, None, None);
        lead.land(|in_table| {
            is_fenced = !(in_table && self.log.is_unfenced(stamp, &note.tags, || key.to_text()));
            if !is_fenced && meta.expires_at > now && !self.is_overtaken(hash, &key, stamp, note.at)
            {
                self.forget_absence(hash, &key);
                below = self.put_below(&key, Some(&value), &Kept::of(meta, &note, ttl));
                departed = Some(self.store(hash, key, value.clone(), meta, now));
            }
            Ok(Fresh {
                value: Some(value),
                version: meta.version,
                stamp,
                tags: Some(note.tags),
                source: Source::Loader,
                mark: None,
            })
        });
        drop(below);
        match departed {
            Some(departed) => self.let_go(departed),
            None => self.notes.release(meta.note),
        }
        is_fenced
    }

    /// Whether a load at a lookup version that began later has stored its value already.
    fn is_overtaken(&self, hash: u64, key: &K, stamp: u64, at: Option<u64>) -> bool {
        let mut is_overtaken = false;
        if at.is_some() {
            self.memory.inspect(hash, key, |meta| {
                let note = self.notes.get(meta.note);
                is_overtaken = meta.version > stamp && note.is_some_and(|note| note.at != at);
            });
        }
        is_overtaken
    }

    /// Publishes that the key has no value, unless the key was written or invalidated since the load
    /// began; returns whether it was.
    pub(super) fn land_absent(&self, lead: Lead<K, Outcome<V>>, key: K, call: Call) -> bool {
        let Call { hash, ttl, .. } = call;
        let note = match call.into_note() {
            Ok(note) => note,
            Err(error) => {
                lead.land(|_| Err(error));
                return false;
            }
        };
        let (now, stamp) = (self.clock.now(), lead.stamp());
        let until = self.policy.absent_until(now, ttl);
        let meta = Meta {
            version: self.log.mint(),
            created: now,
            fresh_until: until,
            expires_at: until,
            note: self.notes.hold(&note),
            cost: Cost::UNKNOWN,
            is_watched: false,
        };
        let (mut is_fenced, mut below) = (false, None);
        let (mut former, mut departed) = (None, None);
        lead.land(|in_table| {
            is_fenced = !(in_table && self.log.is_unfenced(stamp, &note.tags, || key.to_text()));
            if !is_fenced && !self.is_overtaken(hash, &key, stamp, note.at) {
                former = self.memory.remove(hash, &key);
                below = self.put_below(&key, None, &Kept::of(meta, &note, ttl));
                departed = (until > now).then(|| self.remember_absence(hash, key, meta, now));
            }
            Ok(Fresh {
                value: None,
                version: meta.version,
                stamp,
                tags: Some(note.tags),
                source: Source::Loader,
                mark: None,
            })
        });
        drop(below);
        self.let_go(former);
        match departed {
            Some(departed) => self.release_notes(departed),
            None => self.notes.release(meta.note),
        }
        is_fenced
    }

    /// Puts a value, or that there is none, into memory, under the lock that orders writes.
    pub(super) fn keep(&self, hash: u64, key: K, value: Option<V>, mut meta: Meta) -> Left<K, V> {
        let now = self.clock.now();
        let note = self.notes.get(meta.note).unwrap_or_default();
        meta.is_watched = note.mark.is_some() && self.is_sampled(&key);
        let is_shared = note.mark.is_some() && meta.version != SUSPECT;
        let below = is_shared
            .then(|| self.put_below(&key, value.as_ref(), &Kept::of(meta, &note, None)))
            .flatten();
        match value {
            Some(value) => {
                self.forget_absence(hash, &key);
                Left {
                    values: self.store(hash, key, value, meta, now),
                    absences: None,
                    below,
                }
            }
            None => Left {
                values: self.memory.remove(hash, &key).into(),
                absences: Some(self.remember_absence(hash, key, meta, now)),
                below,
            },
        }
    }

    pub(super) fn let_left_go(&self, left: Left<K, V>) {
        self.let_go(left.values);
        if let Some(absences) = left.absences {
            self.release_notes(absences);
        }
    }

    pub(super) fn remember_absence(
        &self,
        hash: u64,
        key: K,
        meta: Meta,
        now: Tick,
    ) -> Departures<K, ()> {
        let absent = self.absent.get_or_init(|| {
            let max_weight = self.capacity.min(ABSENT_MAX);
            Memory::like(
                &self.memory,
                Limits {
                    max_weight,
                    idle: None,
                },
            )
        });
        absent.insert(hash, key, (), meta, self.bar(now))
    }

    pub(super) fn forget_absence<Q>(&self, hash: u64, key: &Q)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let forgotten = self.absent.get().and_then(|a| a.remove(hash, key));
        self.release_notes(forgotten);
    }

    /// Whether the key is known to have no value.
    pub(crate) fn is_absent<Q>(&self, hash: u64, key: &Q, now: Tick, at: Option<u64>) -> bool
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let Some(absent) = self.absent.get() else {
            return false;
        };
        let shared = self.shared_horizon(now);
        let is_valid = |meta: &Meta| {
            let note = self.notes.get(meta.note).unwrap_or_default();
            let text = || std::borrow::Cow::Owned(key.to_key().to_text().into_owned());
            self.is_trusted(meta, shared)
                && (at.is_none() || note.at == at)
                && self.log.standing(meta.version, &note.tags, text) == Standing::Valid
        };
        absent.get(hash, key, now, is_valid).is_some()
    }

    /// Makes the key's value stale from now on. With room, below too.
    pub(super) fn expire<Q>(&self, key: &Q, room: Option<Room>) -> Option<Receipt>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let (hash, now) = (self.memory.hash(key), self.clock.now());
        let taken = self.fence(hash, key, || {
            self.stripes.note(hash, || self.log.mint());
            self.forget_absence(hash, key);
            self.memory.expire(hash, key, now);
            room.and_then(|room| self.write_below(key, Write::Expire(now), room))
        });
        self.learn_removed(hash);
        taken.map(|taken| taken.receipt)
    }

    /// Takes everything out of memory.
    pub(super) fn empty(&self) {
        let by = Item::All.to_string();
        self.memory.clear(|departed| {
            let hash = self
                .misses
                .as_ref()
                .map(|_| self.memory.hash(&departed.key));
            self.let_go(Some(departed));
            if let Some(hash) = hash {
                let (by, ago) = (by.clone(), Duration::ZERO);
                self.lost(hash, MissReason::Invalidated { by, ago });
            }
        });
        if let Some(absent) = self.absent.get() {
            absent.clear(|departed| self.release_notes(Some(departed)));
        }
        self.learn_cleared();
    }

    /// Drops what has left memory, outside every lock, and tells the listener.
    pub(super) fn let_go(&self, departed: impl Into<Departures<K, V>>) {
        self.tell(&departed.into());
    }

    /// Tells the listener, outside every lock, of what has left memory.
    #[inline]
    fn tell(&self, departed: &Departures<K, V>) {
        departed.for_each(|departed| {
            self.notes.release(departed.note);
            self.lost_from_memory(&departed.key, departed.cause);
            self.hooks
                .departed(&departed.key, &departed.value, departed.cause);
        });
    }

    pub(super) fn release_notes<T>(&self, departed: impl Into<Departures<K, T>>) {
        departed
            .into()
            .for_each(|departed| self.notes.release(departed.note));
    }
}

impl Call {
    /// Whether something is to be noted of the value.
    const fn is_noted(&self) -> bool {
        !self.tags.is_empty() || self.etag.is_some() || self.at.is_some()
    }

    /// What is to be noted of the value.
    pub(super) fn into_note(self) -> Result<Note, Error> {
        if !self.is_noted() {
            return Ok(Note::default());
        }
        let Self { tags, etag, at, .. } = self;
        let tags = tag_set(tags);
        let given = if tags.len() > TAGS_MAX {
            format!("{} tags were given", tags.len())
        } else if let Some(long) = tags.iter().find(|tag| tag.len() > TAG_BYTES_MAX) {
            format!("a tag of {} bytes was given", long.len())
        } else if let Some(long) = etag.as_ref().filter(|etag| etag.len() > TAG_BYTES_MAX) {
            format!("an entity tag of {} bytes was given", long.len())
        } else {
            return Ok(Note {
                tags,
                etag,
                at,
                mark: None,
            });
        };
        Err(Error::Tags { given })
    }
}
