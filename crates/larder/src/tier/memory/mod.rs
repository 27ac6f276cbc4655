//! The memory tier: a sharded table with the entries inline, its capacity by count or by weight.
//!
//! A hit takes a shard's read lock, compares the key, checks the expiry, counts the use in the entry
//! and clones the value. What leaves is handed to the caller, so nothing of the user's runs under a
//! lock but `Hash`, `Eq` and `Clone`; those must not call the cache that they are called by.
//! The tier must not know policies, tags, loads or observers.

mod cost;
mod departed;
mod entry;
mod ghost;
mod group;
mod lending;
mod queue;
mod shard;
mod table;

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;

use crate::removal::Evictions;
pub(crate) use cost::Cost;
use departed::Cause;
pub(crate) use departed::{Departed, Departures};
use entry::Entry;
pub(crate) use entry::{Bar, Meta};
use shard::{New, Shard};

use crate::clock::Tick;
use crate::shim::sync::RwLock;

/// Shards are made so large that an uneven spread of keys puts few entries out before the whole is full.
const MIN_SHARD_ENTRIES: u64 = 512;
/// Above this, more shards are made, so that growing one stops its users for no more than about 1 ms.
const MAX_SHARD_ENTRIES: u64 = 16_384;
const SHARDS_PER_CORE: usize = 32;
const MAX_SHARDS: u64 = 4096;
/// The hash's bits from here on choose the shard; those under it serve inside.
const SHARD_SHIFT: u32 = 52;

/// How heavy an entry is. Weight 0 counts as 1. It is called once for each insertion, under no lock.
pub(crate) type Weigher<K, V> = Arc<dyn Fn(&K, &V) -> u32 + Send + Sync>;

/// What bounds the tier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most that all entries weigh; without a weigher, the most entries. 0 stores nothing.
    pub(crate) max_weight: u64,
    /// Where it is set, an entry is gone, whatever its deadlines, when it was not used for this long;
    /// to within a sixteenth, early. Such entries are never stale: what is not fresh is gone.
    pub(crate) idle: Option<Duration>,
}

/// A value found.
#[derive(Clone, Debug)]
pub(crate) struct Hit<V> {
    pub(crate) value: V,
    pub(crate) meta: Meta,
    /// The version that the value has in another store, where whoever looked has found it out; not by
    /// this tier.
    pub(crate) mark: Option<u64>,
}

/// What [`Memory::get_fresh`] found.
#[derive(Debug)]
pub(crate) enum Look<V> {
    Fresh(V),
    /// There is an entry; [`Memory::get`] tells whether it has expired, may be served, is watched.
    Unclear,
    Absent,
}

pub(crate) struct Memory<K, V> {
    shards: Box<[Padded<K, V>]>,
    /// Not the `fast` one: in one process of 70 its seed leaves most shards without numbers in a row.
    hasher: RandomState,
    weigher: Option<Weigher<K, V>>,
    max_weight: u64,
    /// 0 for none.
    idle_millis: u64,
}

#[repr(align(128))]
struct Padded<K, V>(RwLock<Shard<K, V>>);

impl<K: Hash + Eq, V: Clone> Memory<K, V> {
    /// Takes the hashes of `other`.
    pub(crate) fn like<W>(other: &Memory<K, W>, limits: Limits) -> Self {
        Self {
            hasher: other.hasher.clone(),
            ..Self::new(limits, None)
        }
    }

    pub(crate) fn new(limits: Limits, weigher: Option<Weigher<K, V>>) -> Self {
        let count = shard_count(limits.max_weight, weigher.is_some());
        Self::of_shards(count, limits, weigher)
    }

    /// For one thread at a time.
    pub(crate) fn of_one_shard(limits: Limits, weigher: Option<Weigher<K, V>>) -> Self {
        Self::of_shards(1, limits, weigher)
    }

    fn of_shards(count: u64, limits: Limits, weigher: Option<Weigher<K, V>>) -> Self {
        let shard = |i| {
            let limit = limits.max_weight / count + u64::from(i < limits.max_weight % count);
            Padded(RwLock::new(Shard::new(limit, weigher.is_some())))
        };
        let shards = (0..count).map(shard).collect();
        Self {
            shards,
            hasher: RandomState::default(),
            weigher,
            max_weight: limits.max_weight,
            idle_millis: limits.idle.map_or(0, |idle| {
                u64::try_from(idle.as_millis()).unwrap_or(u64::MAX).max(1)
            }),
        }
    }

    /// The hash that the other calls want; seeded anew for each cache.
    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The value of `key` if it is fresh by `now`, its version is not under `horizon`, it is not
    /// watched, and `has_note` says yes to its note, which is asked under the shard's read lock; its use is
    /// counted. It looks at no more than the key's group and entry, and the note if that is looked at, so
    /// it is cheaper than [`get`](Self::get).
    #[inline]
    pub(crate) fn get_fresh<Q>(
        &self,
        hash: u64,
        key: &Q,
        now: Tick,
        horizon: u64,
        has_note: impl FnOnce(u32) -> bool,
    ) -> Look<V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let shard = self.shard(hash).read();
        let Some((slot, entry)) = shard.find(hash, |k| k.borrow() == key) else {
            return Look::Absent;
        };
        if now >= entry.fresh_until() || entry.is_unclear(horizon) {
            return Look::Unclear;
        }
        if !has_note(shard.cold(slot).note) {
            return Look::Absent;
        }
        entry.count_use(|| shard.cold(slot), now, self.idle_millis);
        Look::Fresh(entry.value.clone())
    }

    /// The value of `key` and what is known of it; its use is counted. `None` if it is absent, has
    /// expired by `now`, or `is_valid` says no, which is asked under the shard's read lock.
    #[inline]
    pub(crate) fn get<Q>(
        &self,
        hash: u64,
        key: &Q,
        now: Tick,
        is_valid: impl FnOnce(&Meta) -> bool,
    ) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let shard = self.shard(hash).read();
        let (slot, entry) = shard.find(hash, |k| k.borrow() == key)?;
        let cold = shard.cold(slot);
        let meta = entry.meta(cold);
        let is_alive = now < meta.fresh_until || now < entry.gone_at(cold);
        if !is_alive || !is_valid(&meta) {
            return None;
        }
        entry.count_use(|| cold, now, self.idle_millis);
        Some(Hit {
            value: entry.value.clone(),
            meta,
            mark: None,
        })
    }

    /// Shows `f` what is known of the key's entry, if there is one, expired or not, under the shard's
    /// read lock, and gives its weight. Not counted as a use.
    pub(crate) fn inspect<Q>(&self, hash: u64, key: &Q, f: impl FnOnce(&Meta)) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let shard = self.shard(hash).read();
        let (meta, weight) = shard.inspect(hash, |k| k.borrow() == key)?;
        f(&meta);
        Some(weight)
    }

    /// Stores a value and gives back what left for it: the key's former value, dead entries, victims;
    /// or, where it is heavier than the tier may be, the value itself.
    pub(crate) fn insert(
        &self,
        hash: u64,
        key: K,
        value: V,
        meta: Meta,
        bar: Bar,
    ) -> Departures<K, V> {
        let mut departures = Departures::new();
        let stored = self.insert_if((hash, key, value), meta, bar, |_| true, &mut departures);
        debug_assert!(stored.is_ok(), "nothing was against it");
        departures
    }

    /// As [`insert`](Self::insert) if `may` says yes, which is asked under the shard's write lock;
    /// otherwise the value comes back.
    #[inline]
    pub(crate) fn insert_if(
        &self,
        (hash, key, value): (u64, K, V),
        mut meta: Meta,
        bar: Bar,
        may: impl FnOnce(&K) -> bool,
        departures: &mut Departures<K, V>,
    ) -> Result<(), (K, V)> {
        let weight = self
            .weigher
            .as_ref()
            .map_or(1, |weigh| weigh(&key, &value).max(1));
        let idles = self.idle_millis > 0;
        if idles {
            meta.expires_at = meta.fresh_until;
            meta.fresh_until = self.idle_from(bar.now).min(meta.expires_at);
        }
        let new = |key, value| New::of(hash, Entry::new(key, value, &meta, idles), weight);
        let mut shard = self.shard(hash).write();
        if self.weigher.is_none() || shard.lacks(weight) == 0 || u64::from(weight) > self.max_weight
        {
            if !may(&key) {
                return Err((key, value));
            }
            shard.insert(new(key, value), &self.hasher, bar, departures);
            return Ok(());
        }
        drop(shard);
        self.insert_with_loan(new(key, value), bar, may, departures)
    }

    /// Takes an entry out, expired or not.
    pub(crate) fn remove<Q>(&self, hash: u64, key: &Q) -> Option<Departed<K, V>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.remove_if(hash, key, Cause::Removed, |_| true)
    }

    /// Takes a key's entry out for `cause` if `is_it` says so, which is asked under the shard's write
    /// lock.
    pub(crate) fn remove_if<Q>(
        &self,
        hash: u64,
        key: &Q,
        cause: Cause,
        is_it: impl FnOnce(&Meta) -> bool,
    ) -> Option<Departed<K, V>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let is_key = |k: &K| k.borrow() == key;
        self.shard(hash)
            .write()
            .remove_if(hash, is_key, cause, is_it)
    }

    /// Sets the version of the key's entry to `to` if it is `from`, and its end of freshness to what
    /// `until` says if that is earlier; all else stays, and so does all if `until` says nothing. It is
    /// asked under the shard's write lock.
    pub(crate) fn restamp<Q>(
        &self,
        hash: u64,
        key: &Q,
        (from, to): (u64, u64),
        until: impl FnOnce(&Meta) -> Option<Tick>,
    ) where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let is_key = |k: &K| k.borrow() == key;
        let mut shard = self.shard(hash).write();
        shard.restamp(hash, is_key, (from, to), until);
    }

    /// Sets the version of the key's entry to `to`, whatever it is; all else stays.
    pub(crate) fn renumber<Q>(&self, hash: u64, key: &Q, to: u64)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let is_key = |k: &K| k.borrow() == key;
        self.shard(hash).write().renumber(hash, is_key, to);
    }

    /// Has looks at the key's entry told, or not; all else stays.
    pub(crate) fn watch<Q>(&self, hash: u64, key: &Q, is_watched: bool)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let is_key = |k: &K| k.borrow() == key;
        self.shard(hash).write().watch(hash, is_key, is_watched);
    }

    /// Makes the key's entry stale from `now` on, if it is fresh; all else stays.
    pub(crate) fn expire<Q>(&self, hash: u64, key: &Q, now: Tick)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let is_key = |k: &K| k.borrow() == key;
        self.shard(hash).write().expire(hash, is_key, now);
    }

    /// Takes everything out, a shard at a time, and hands it to `take` when that shard's lock is
    /// released: so `take` may call the tier.
    pub(crate) fn clear(&self, mut take: impl FnMut(Departed<K, V>)) {
        for shard in &self.shards {
            let cleared = shard.0.write().clear();
            cleared.for_each(&mut take);
        }
    }

    /// Whether a weigher says what an entry takes of the limit.
    pub(crate) fn is_weighed(&self) -> bool {
        self.weigher.is_some()
    }

    /// Entries held, expired ones among them until they are reclaimed.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().len()).sum()
    }

    /// What the entries weigh together.
    pub(crate) fn weight(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| shard.0.read().weight())
            .sum()
    }

    /// How many entries have left, by cause.
    pub(crate) fn evictions(&self) -> Evictions {
        let mut evictions = Evictions::default();
        self.shards
            .iter()
            .for_each(|shard| evictions.merge(shard.0.read().evictions()));
        evictions
    }

    /// Shows `f` every entry, expired ones too, a shard at a time under its read lock. `f` must not
    /// call the cache.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&K, &V, &Meta)) {
        for shard in &self.shards {
            shard
                .0
                .read()
                .entries()
                .for_each(|(entry, meta, _)| f(&entry.key, &entry.value, &meta));
        }
    }

    /// As [`for_each`](Self::for_each), with the entries' weights, until `f` says no; whether it never
    /// did.
    pub(crate) fn for_each_while(&self, mut f: impl FnMut(&K, &V, &Meta, u32) -> bool) -> bool {
        let mut shards = self.shards.iter();
        shards.all(|shard| {
            let shard = shard.0.read();
            let mut entries = shard.entries();
            entries.all(|(entry, meta, weight)| f(&entry.key, &entry.value, &meta, weight))
        })
    }

    /// Until when an entry that is used now lives on, if it does not expire before.
    fn idle_from(&self, now: Tick) -> Tick {
        now.after(Duration::from_millis(self.idle_millis))
    }

    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<Shard<K, V>> {
        &self.shards[self.shard_number(hash)].0
    }

    #[inline]
    fn shard_number(&self, hash: u64) -> usize {
        (hash >> SHARD_SHIFT) as usize & (self.shards.len() - 1)
    }
}

/// A power of two. Weights tell nothing of the number of entries, so there only the cores count.
fn shard_count(max_weight: u64, weighed: bool) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let for_cores = (cores * SHARDS_PER_CORE) as u64;
    let for_size = if weighed {
        0
    } else {
        max_weight / MAX_SHARD_ENTRIES
    };
    let wanted = for_cores.max(for_size).min(MAX_SHARDS).next_power_of_two();
    let most = (max_weight / MIN_SHARD_ENTRIES).max(1);
    wanted.min(1 << most.ilog2())
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
