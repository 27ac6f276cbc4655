//! A shard of the memory tier: which entries are kept. S3-FIFO, after Yang and others, "FIFO queues
//! are all you need for cache eviction" (SOSP 2023), with the admission by frequency of `TinyLFU`
//! (Einziger and others, ACM Transactions on Storage, 2017), where both gain.
//!
//! New entries pass through a small queue; those that are used meanwhile go on to the main queue, and
//! the others leave. In the main queue, an entry that was used goes round again. What leaves either
//! queue is remembered by a ghost, with the frequency of its key: how often it was asked for, counted
//! when it came, and for each round that a use earned it. A key that comes back soon after it left the
//! small queue starts in the main queue; one that comes back later does only if its frequency is above
//! that of the entry that would leave for it, and so may an unused entry at the end of the small queue.
//! So a loop over more keys than fit does not push out what it comes back to, and what is used often
//! but seldom in a row is found out. Frequencies are halved from time to time.
//!
//! While the main queue has room it takes what comes out of the small one, used or not. A hit only
//! raises a count in the entry, so it needs no more than the read lock; all else happens under the
//! write lock, in bounded steps but for the halving, a pass over the table once in several times as
//! many insertions. What is dead leaves first: each insertion looks at a few groups of the table for
//! some.
//!
//! The shard must not know what makes an entry dead but its deadlines and the floor of versions, nor
//! who listens to departures.

mod choice;

use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;

use super::departed::{Cause, Departed, Departures};
use super::entry::{Bar, Cold, Entry, Meta};
use super::ghost::Ghost;
use super::queue::Queue;
use super::table::Table;
use crate::clock::Tick;
use crate::removal::Evictions;

/// How many entries an insertion moves on to a main queue that has room.
const MOVES: usize = 2;
/// How many groups an insertion looks at for dead entries, where there are some. It searches one
/// of them at most.
const GROUPS_SWEPT: usize = 8;
/// The room of a table that is made for a first entry.
const FIRST_ROOM: usize = 13;

/// Table and lock's data that a hit needs stand first.
#[repr(C)]
pub(super) struct Shard<K, V> {
    table: Table<K, V>,
    small: Queue,
    main: Queue,
    ghost: Ghost,
    /// The most that the entries weigh together: the share, and what was taken from other shards.
    limit: u64,
    /// The shard's part of the tier's limit.
    share: u64,
    /// Entries heavier than the share.
    heavy: usize,
    weighed: bool,
    /// The highest floor of versions that the sweep was told of.
    floor: u64,
    evictions: Evictions,
    /// Requests counted since frequencies were halved.
    counted: usize,
}

impl<K: Hash + Eq, V> Shard<K, V> {
    pub(super) fn new(share: u64, weighed: bool) -> Self {
        Self {
            table: Table::with_room_for(0, weighed),
            small: Queue::EMPTY,
            main: Queue::EMPTY,
            ghost: Ghost::empty(),
            limit: share,
            share,
            heavy: 0,
            weighed,
            floor: 0,
            evictions: Evictions::default(),
            counted: 0,
        }
    }

    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
    ) -> Option<(usize, &Entry<K, V>)> {
        self.table.find(hash, is_key)
    }

    /// What a look at a fresh entry does not need of the one in `slot`.
    #[inline]
    pub(super) fn cold(&self, slot: usize) -> Cold {
        self.table.cold(slot)
    }

    /// What is known of a key's entry, and its weight.
    pub(super) fn inspect(&self, hash: u64, is_key: impl Fn(&K) -> bool) -> Option<(Meta, u32)> {
        let (slot, entry) = self.table.find(hash, is_key)?;
        Some((entry.meta(self.table.cold(slot)), self.table.weight(slot)))
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn weight(&self) -> u64 {
        self.small.weight + self.main.weight
    }

    pub(super) fn evictions(&self) -> Evictions {
        self.evictions
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&Entry<K, V>, Meta, u32)> {
        self.table.entries()
    }

    pub(super) fn insert(
        &mut self,
        new: New<K, V>,
        hasher: &RandomState,
        bar: Bar,
        departures: &mut Departures<K, V>,
    ) {
        let found = self
            .table
            .find(new.hash, |key| *key == new.entry.key)
            .map(|(slot, _)| slot);
        if u64::from(new.weight) > self.limit {
            self.turn_away(found, new, departures);
        } else if let Some(slot) = found {
            self.replace(slot, new, hasher, bar, departures);
        } else {
            self.reclaim(hasher, bar, departures);
            self.add(new, hasher, bar, departures);
        }
    }

    /// Gives an entry that is too heavy back, and takes its key's former one out.
    #[cold]
    fn turn_away(
        &mut self,
        found: Option<usize>,
        new: New<K, V>,
        departures: &mut Departures<K, V>,
    ) {
        if let Some(slot) = found {
            departures.push(self.depart(new.hash, slot, Cause::Replaced));
        }
        self.evictions.count(Cause::TooHeavy, 1);
        let Entry { key, value, .. } = new.entry;
        departures.push(Departed {
            key,
            value,
            note: new.cold.note,
            cause: Cause::TooHeavy,
        });
    }

    /// Takes a key's entry out if `is_it` says so.
    pub(super) fn remove_if(
        &mut self,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
        cause: Cause,
        is_it: impl FnOnce(&Meta) -> bool,
    ) -> Option<Departed<K, V>> {
        let (slot, entry) = self.table.find(hash, is_key)?;
        is_it(&self.table.meta(slot, entry)).then(|| self.depart(hash, slot, cause))
    }

    /// Gives the key's entry version `to` if it has version `from` and `until` says until when it is
    /// fresh at most.
    pub(super) fn restamp(
        &mut self,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
        (from, to): (u64, u64),
        until: impl FnOnce(&Meta) -> Option<Tick>,
    ) {
        let Some((slot, entry)) = self.table.find(hash, is_key) else {
            return;
        };
        let meta = entry.meta(self.table.cold(slot));
        if meta.version != from {
            return;
        }
        if let Some(until) = until(&meta) {
            let entry = self.table.entry_mut(slot);
            entry.restamp(to);
            if until < meta.fresh_until {
                entry.expire(until);
                self.table.expect_death(slot);
            }
        }
    }

    /// Gives the key's entry version `to`.
    pub(super) fn renumber(&mut self, hash: u64, is_key: impl Fn(&K) -> bool, to: u64) {
        if let Some((slot, _)) = self.table.find(hash, is_key) {
            self.table.entry_mut(slot).restamp(to);
        }
    }

    /// Has looks at the key's entry told, or not.
    pub(super) fn watch(&mut self, hash: u64, is_key: impl Fn(&K) -> bool, is_watched: bool) {
        if let Some((slot, _)) = self.table.find(hash, is_key) {
            self.table.entry_mut(slot).watch(is_watched);
        }
    }

    /// Makes the key's entry stale from `now` on.
    pub(super) fn expire(&mut self, hash: u64, is_key: impl Fn(&K) -> bool, now: Tick) {
        if let Some((slot, _)) = self.table.find(hash, is_key) {
            self.table.entry_mut(slot).expire(now);
            self.table.expect_death(slot);
        }
    }

    /// Empties the shard and gives what was in it, to be dropped after the lock is released.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Departed<K, V>> + use<K, V> {
        self.evictions.count(Cause::Removed, self.len() as u64);
        (self.small, self.main, self.ghost) = (Queue::EMPTY, Queue::EMPTY, Ghost::empty());
        self.heavy = 0;
        let empty = Table::with_room_for(0, self.weighed);
        let entries = std::mem::replace(&mut self.table, empty).into_entries();
        entries.map(|(Entry { key, value, .. }, note)| Departed {
            key,
            value,
            note,
            cause: Cause::Removed,
        })
    }

    /// How much more the limit should be, so that an entry of `weight` fits in without need.
    #[inline]
    pub(super) fn lacks(&self, weight: u32) -> u64 {
        let weight = u64::from(weight);
        let is_short = self.limit < self.share && self.weight() + weight > self.limit;
        if weight > self.limit || is_short {
            weight.max(self.share) - self.limit
        } else {
            0
        }
    }

    /// How much more the limit must be for an entry of `weight` to fit in at all.
    pub(super) fn needs(&self, weight: u32) -> u64 {
        u64::from(weight).saturating_sub(self.limit)
    }

    /// How much of the limit other shards may have back: what is over the share, and no heavy entry needs.
    pub(super) fn spare(&self) -> u64 {
        if self.heavy == 0 {
            self.limit.saturating_sub(self.share)
        } else {
            0
        }
    }

    /// Gives `part` of the limit away, or all of it if that is less.
    pub(super) fn lend(
        &mut self,
        part: u64,
        hasher: &RandomState,
        bar: Bar,
        departures: &mut Departures<K, V>,
    ) -> u64 {
        let lent = part.min(self.limit);
        self.limit -= lent;
        self.make_room(0, hasher, bar, departures);
        lent
    }

    pub(super) fn borrow(&mut self, part: u64) {
        self.limit += part;
    }

    fn replace(
        &mut self,
        slot: usize,
        new: New<K, V>,
        hasher: &RandomState,
        bar: Bar,
        departures: &mut Departures<K, V>,
    ) {
        let weight = self.table.weight(slot);
        if weight != new.weight {
            let in_main = self.table.entry_mut(slot).is_in_main();
            self.unlink(slot, in_main);
            self.make_room(new.weight, hasher, bar, departures);
        }
        let note = self.table.noted(slot);
        let entry = self.table.entry_mut(slot);
        let in_main = entry.is_in_main();
        let (key, value) = entry.replace(new.entry);
        let gone_at = entry.gone_at(new.cold);
        self.table.note(slot, new.cold, gone_at, new.weight);
        if weight != new.weight {
            let queue = if in_main {
                &mut self.main
            } else {
                &mut self.small
            };
            queue.push(&mut self.table.beside, slot, new.weight);
            self.heavy += usize::from(u64::from(new.weight) > self.share);
        }
        self.evictions.count(Cause::Replaced, 1);
        departures.push(Departed {
            key,
            value,
            note,
            cause: Cause::Replaced,
        });
    }

    fn add(
        &mut self,
        new: New<K, V>,
        hasher: &RandomState,
        bar: Bar,
        departures: &mut Departures<K, V>,
    ) {
        let New {
            hash,
            mut entry,
            cold,
            weight,
        } = new;
        let past = self.ghost.recall(hash);
        let frequency = 1 + past.map_or(0, |past| past.frequency);
        self.count_request();
        if self.weight() + u64::from(weight) > self.limit {
            self.make_room(weight, hasher, bar, departures);
        }
        let belongs_in_main = past.is_some_and(|past| {
            !past.from_main && (past.is_recent || self.outdoes_main(frequency, weight, bar))
        });
        if self.table.len() == self.table.room() {
            self.grow(hasher);
        }
        entry.raise_frequency(frequency);
        let queue = if belongs_in_main {
            entry.enter_main();
            &mut self.main
        } else {
            &mut self.small
        };
        let slot = self.table.insert(hash, entry, cold, weight);
        queue.push(&mut self.table.beside, slot, weight);
        self.heavy += usize::from(u64::from(weight) > self.share);
        self.fill_main();
    }

    /// Moves the oldest of a small queue that is over its share on to a main queue that has room. That
    /// they were used there counts for nothing: otherwise what comes first would be hard to put out.
    #[inline]
    fn fill_main(&mut self) {
        for _ in 0..MOVES {
            let Some(slot) = self.small.oldest() else {
                return;
            };
            let is_due = self.small.weight > self.small_limit();
            if !is_due || !self.main_has_room(self.table.weight(slot)) {
                return;
            }
            self.move_to_main(slot);
        }
    }

    fn move_to_main(&mut self, slot: usize) {
        let weight = self.table.weight(slot);
        self.small.unlink(&mut self.table.beside, slot, weight);
        self.table.entry_mut(slot).enter_main();
        self.main.push(&mut self.table.beside, slot, weight);
    }

    /// Takes out some of what is dead.
    #[inline]
    fn reclaim(&mut self, hasher: &RandomState, bar: Bar, departures: &mut Departures<K, V>) {
        if bar.floor > self.floor || self.table.may_have_dead(bar.now) {
            self.sweep(hasher, bar, departures);
        }
    }

    #[inline(never)]
    fn sweep(&mut self, hasher: &RandomState, bar: Bar, departures: &mut Departures<K, V>) {
        if bar.floor > self.floor {
            self.floor = bar.floor;
            self.table.suspect_all();
        }
        for slot in self.table.sweep(GROUPS_SWEPT, bar) {
            let hash = hasher.hash_one(&self.table.entry(slot).key);
            let cause = self.table.death(slot, bar).unwrap_or(Cause::Expired);
            departures.push(self.depart(hash, slot, cause));
        }
    }

    fn depart(&mut self, hash: u64, slot: usize, cause: Cause) -> Departed<K, V> {
        let entry = self.take_out(hash, slot);
        self.departed(slot, entry, cause)
    }

    /// The entry in `slot`, out of its queue and the table.
    #[inline]
    fn take_out(&mut self, hash: u64, slot: usize) -> Entry<K, V> {
        let mut entry = self.table.take(hash, slot);
        self.unlink(slot, entry.is_in_main());
        entry
    }

    /// Counts an entry that was just taken out of `slot`.
    #[inline]
    fn departed(&mut self, slot: usize, entry: Entry<K, V>, cause: Cause) -> Departed<K, V> {
        self.evictions.count(cause, 1);
        let Entry { key, value, .. } = entry;
        Departed {
            key,
            value,
            note: self.table.noted(slot),
            cause,
        }
    }

    #[inline]
    fn unlink(&mut self, slot: usize, is_in_main: bool) {
        let weight = self.table.weight(slot);
        let queue = if is_in_main {
            &mut self.main
        } else {
            &mut self.small
        };
        queue.unlink(&mut self.table.beside, slot, weight);
        self.heavy -= usize::from(u64::from(weight) > self.share);
    }

    /// Moves everything to a table of twice the room, or as much as the limit can need.
    fn grow(&mut self, hasher: &RandomState) {
        let twice = (self.table.len() * 2).max(FIRST_ROOM);
        let room = if self.weighed {
            twice
        } else {
            twice.min(self.limit as usize)
        };
        let mut old = std::mem::replace(&mut self.table, Table::with_room_for(room, self.weighed));
        for queue in [&mut self.small, &mut self.main] {
            let mut from = std::mem::replace(queue, Queue::EMPTY);
            while let Some(slot) = from.oldest() {
                let weight = old.weight(slot);
                from.unlink(&mut old.beside, slot, weight);
                let hash = hasher.hash_one(&old.entry(slot).key);
                let cold = old.cold(slot);
                let slot = self.table.insert(hash, old.take(hash, slot), cold, weight);
                queue.push(&mut self.table.beside, slot, weight);
            }
        }
        self.ghost = Ghost::empty();
    }
}

/// An entry that is to be stored.
pub(super) struct New<K, V> {
    pub(super) hash: u64,
    pub(super) entry: Entry<K, V>,
    pub(super) cold: Cold,
    pub(super) weight: u32,
}

impl<K, V> New<K, V> {
    #[inline]
    pub(super) fn of(hash: u64, (entry, cold): (Entry<K, V>, Cold), weight: u32) -> Self {
        Self {
            hash,
            entry,
            cold,
            weight,
        }
    }
}

#[cfg(test)]
impl<K: Hash + Eq, V> Shard<K, V> {
    /// Panics where the queues, the table and the sums do not agree.
    pub(super) fn validate(&mut self, hasher: &RandomState) {
        self.table.validate(|key| hasher.hash_one(key));
        let (mut queued, heavy) = (0, self.heavy);
        for (queue, is_main) in [(&self.small, false), (&self.main, true)] {
            let slots = queue.walk(&self.table.beside);
            let weight: u64 = slots
                .iter()
                .map(|&slot| u64::from(self.table.weight(slot)))
                .sum();
            assert_eq!(weight, queue.weight);
            assert!(
                slots
                    .iter()
                    .all(|&slot| self.table.entry_mut(slot).is_in_main() == is_main)
            );
            self.heavy -= slots
                .iter()
                .filter(|&&slot| u64::from(self.table.weight(slot)) > self.share)
                .count();
            queued += slots.len();
        }
        assert_eq!(std::mem::replace(&mut self.heavy, heavy), 0);
        assert_eq!(queued, self.len(), "every entry stands in a queue");
        assert!(self.weight() <= self.limit);
    }
}
