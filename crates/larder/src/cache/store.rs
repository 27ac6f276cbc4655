//! What goes into memory and what leaves it.

use std::borrow::Borrow;
use std::time::Duration;

use super::{Fresh, Inner, Outcome};
use crate::clock::Tick;
use crate::error::{Error, TAG_BYTES_MAX, TAGS_MAX};
use crate::flight::Lead;
use crate::key::{CacheKey, KeyRef};
use crate::observe::Event;
use crate::tags::{Tags, UNTAGGED, tag_set};
use crate::tier::memory::{Cost, Departed, Meta};

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Puts a value in by hand; a load of its key is fenced off.
    pub(crate) fn insert(
        &self,
        key: K,
        value: V,
        ttl: Option<Duration>,
        tags: Vec<Box<str>>,
    ) -> Result<(), Error> {
        let note = if tags.is_empty() {
            UNTAGGED
        } else {
            self.tags.hold(&checked(tags)?)
        };
        let (hash, now) = (self.memory.hash(&key), self.clock.now());
        let meta = self.meta_of(now, ttl, self.log.mint(), note);
        if meta.expires_at > now {
            let (departed, _) = self.flights.fence(hash, &key.clone(), || {
                let floor = self.log.floor();
                self.memory.insert(hash, key, value, meta, now, floor)
            });
            self.let_go(departed);
        } else {
            let (removed, _) = self
                .flights
                .fence(hash, &key, || self.memory.remove(hash, &key));
            self.let_go(removed);
            self.tags.release(meta.note);
        }
        self.recorder.count(Event::Insert);
        Ok(())
    }

    /// What is known of a value that is about to be stored; `note` is held for it.
    fn meta_of(&self, now: Tick, ttl: Option<Duration>, version: u64, note: u32) -> Meta {
        let (fresh_until, expires_at) = self.policy.deadlines(now, ttl, version);
        Meta {
            version,
            created: now,
            fresh_until,
            expires_at,
            note,
            cost: Cost::UNKNOWN,
        }
    }

    /// Publishes what a load brought, unless the key was written or invalidated since it began.
    pub(super) fn land(
        &self,
        lead: Lead<K, Outcome<V>>,
        hash: u64,
        key: K,
        value: V,
        ttl: Option<Duration>,
        tags: Vec<Box<str>>,
    ) {
        let tags = match checked(tags) {
            Ok(tags) => tags,
            Err(error) => return lead.land(|_| Err(error)),
        };
        let (now, stamp) = (self.clock.now(), lead.stamp());
        let meta = self.meta_of(now, ttl, self.log.mint(), self.tags.hold(&tags));
        let mut departed = None;
        lead.land(|in_table| {
            if !(in_table && self.log.is_unfenced(stamp, &tags, || key.to_text())) {
                self.recorder.count(Event::Fenced);
            } else if meta.expires_at > now {
                let floor = self.log.floor();
                let insert = self
                    .memory
                    .insert(hash, key, value.clone(), meta, now, floor);
                departed = Some(insert);
            }
            Ok(Fresh {
                value,
                version: meta.version,
                stamp,
                tags: Some(tags),
            })
        });
        match departed {
            Some(departed) => self.let_go(departed),
            None => self.tags.release(meta.note),
        }
    }

    /// Makes the key's value stale from now on.
    pub(super) fn expire<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let (hash, now) = (self.memory.hash(key), self.clock.now());
        let (departed, _) = self.flights.fence(hash, key, || {
            let hit = self.memory.get(hash, key, now, |_| true)?;
            let tags = self.tags.get(hit.meta.note).unwrap_or_default();
            let meta = Meta {
                fresh_until: now,
                note: self.tags.hold(&tags),
                ..hit.meta
            };
            let floor = self.log.floor();
            Some(
                self.memory
                    .insert(hash, key.to_key(), hit.value, meta, now, floor),
            )
        });
        self.let_go(departed.into_iter().flatten());
    }

    /// Takes everything out of memory.
    pub(super) fn empty(&self) {
        self.memory.clear(|departed| self.let_go(Some(departed)));
    }

    /// Drops what has left memory, outside every lock.
    pub(super) fn let_go(&self, departed: impl IntoIterator<Item = Departed<K, V>>) {
        for Departed { note, .. } in departed {
            self.tags.release(note);
        }
    }
}

fn checked(tags: Vec<Box<str>>) -> Result<Tags, Error> {
    let tags = tag_set(tags);
    let given = if tags.len() > TAGS_MAX {
        format!("{} tags were given", tags.len())
    } else if let Some(long) = tags.iter().find(|tag| tag.len() > TAG_BYTES_MAX) {
        format!("a tag of {} bytes was given", long.len())
    } else {
        return Ok(tags);
    };
    Err(Error::Tags { given })
}
