//! One load for each key at a time, which a later write can fence off.
//!
//! A flight stands in the table under its key while its load runs. Whoever asks for the key
//! meanwhile joins it. Whoever writes or invalidates the key takes the flight out of the table:
//! it still answers those who joined, but what it brings may no longer be published. Being in the
//! table *is* the permission to publish; both are decided under one lock.
//!
//! Knows no tiers, no policy and no invalidation log.

mod landing;
mod led;

use std::borrow::Borrow;
use std::future::poll_fn;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::checks::{Check, Checks};
use crate::clock::Tick;
use crate::shim::sync::Mutex;
use crate::shim::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use landing::Landing;
use landing::Strip;
pub(crate) use led::{Led, Work};

/// The flights of one cache.
pub(crate) struct Flights<K, T> {
    shards: Box<[Mutex<Shard<K, T>>]>,
    running: AtomicUsize,
    limit: usize,
    checks: Checks,
}

type Shard<K, T> = HashTable<Slot<K, T>>;

struct Slot<K, T> {
    key: K,
    hash: u64,
    flight: Arc<Flight<T>>,
}

/// When a flight began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Began {
    /// The invalidation log's number then.
    pub(crate) stamp: u64,
    pub(crate) when: Tick,
}

struct Flight<T> {
    began: Began,
    /// The lookup version that is loaded.
    at: Option<u64>,
    /// What it loads may be another by now, in a store that others write to.
    is_pushed: AtomicBool,
    /// It was pushed while it loaded: nobody joins it any more.
    is_shut: AtomicBool,
    strip: Strip<T>,
    /// Its work, if its leader does it as it waits.
    led: Option<Arc<Led>>,
}

/// A place among those who wait for a flight.
pub(crate) struct Ticket<T> {
    flight: Arc<Flight<T>>,
    place: Option<usize>,
}

/// What came of asking for a flight.
pub(crate) enum Boarding<K: Eq, T> {
    /// A load for this key is running already.
    Joined(Ticket<T>),
    /// None is: the caller runs it, and waits for it like everyone else.
    Leads(Lead<K, T>, Ticket<T>),
    /// As many loads as allowed are running.
    Full,
}

/// The duty to finish a flight. Dropping it unfinished releases the key.
pub(crate) struct Lead<K: Eq, T> {
    flights: Arc<Flights<K, T>>,
    flight: Arc<Flight<T>>,
    key: K,
    hash: u64,
}

/// One is enough for a model, and faster to go through.
const SHARDS: usize = if cfg!(larder_loom) { 1 } else { 64 };

impl<K, T> Flights<K, T> {
    fn shard(&self, hash: u64) -> &Mutex<Shard<K, T>> {
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

impl<K: Eq + Clone, T: Clone> Flights<K, T> {
    pub(crate) fn new(limit: usize, checks: Checks) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            shards,
            running: AtomicUsize::new(0),
            limit,
            checks,
        }
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// Joins the flight of `key` at the lookup version, or starts one. A flight whose beginning
    /// `is_joinable` refuses began before something that the caller comes after: it is left to its
    /// own waiters.
    pub(crate) fn board(
        self: &Arc<Self>,
        hash: u64,
        key: &K,
        at: Option<u64>,
        began: Began,
        is_joinable: impl FnOnce(Began) -> bool,
    ) -> Boarding<K, T> {
        self.board_led(hash, key, at, began, None, is_joinable)
    }

    /// As [`board`](Self::board); a leader does the flight's work in `led`. Who joins makes it a task.
    pub(crate) fn board_led(
        self: &Arc<Self>,
        hash: u64,
        key: &K,
        at: Option<u64>,
        began: Began,
        led: Option<Arc<Led>>,
        is_joinable: impl FnOnce(Began) -> bool,
    ) -> Boarding<K, T> {
        let mut shard = self.shard(hash).lock();
        let is_wanted = |slot: &Slot<K, T>| slot.flight.at == at && slot.key == *key;
        if let Ok(slot) = shard.find_entry(hash, is_wanted) {
            let flight = &slot.get().flight;
            if !flight.is_shut.load(Ordering::Acquire) && is_joinable(flight.began) {
                let (ticket, led) = (Ticket::of(flight), flight.led.clone());
                drop(shard);
                if let Some(led) = led {
                    led.hand_over();
                }
                return Boarding::Joined(ticket);
            }
            drop(slot.remove());
        }
        if self.running.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return Boarding::Full;
        }
        let flight = Arc::new(Flight {
            began,
            at,
            is_pushed: AtomicBool::new(false),
            is_shut: AtomicBool::new(false),
            strip: Strip::new(),
            led,
        });
        let slot = Slot {
            key: key.clone(),
            hash,
            flight: flight.clone(),
        };
        shard.insert_unique(hash, slot, |slot| slot.hash);
        let ticket = Ticket::of(&flight);
        let lead = Lead {
            flights: self.clone(),
            flight,
            key: key.clone(),
            hash,
        };
        Boarding::Leads(lead, ticket)
    }

    /// Runs `write` such that no flight of `key` that began before, at whatever lookup version, can
    /// publish after it. `write` gets the key, owned or not; what it returns is returned.
    ///
    /// `write` must not call back into the cache, nor drop a value whose `Drop` might.
    pub(crate) fn fence<B, Q, R>(&self, hash: u64, key: B, write: impl FnOnce(B) -> R) -> R
    where
        B: Borrow<Q>,
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut shard = self.shard(hash).lock();
        let mut taken = Vec::new();
        while let Ok(slot) = shard.find_entry(hash, |slot| slot.key.borrow() == key.borrow()) {
            taken.push(slot.remove().0);
        }
        let written = write(key);
        drop(shard);
        written
    }

    /// Does `told` while no flight of the key boards or lands; those that stand are joined no more.
    pub(crate) fn push<R>(&self, hash: u64, key: &K, told: impl FnOnce() -> R) -> R {
        let shard = self.shard(hash).lock();
        for slot in shard.iter_hash(hash) {
            if slot.key == *key {
                slot.flight.is_pushed.store(true, Ordering::Release);
                slot.flight.is_shut.store(true, Ordering::Release);
            }
        }
        told()
    }

    /// Whether no load runs. A flight is counted before it looks for the key in memory and until it
    /// has published. So who writes to memory and finds none, under the lock under which it writes,
    /// needs no fence: every flight before has published, and every later one finds what is written.
    #[inline]
    pub(crate) fn are_none(&self) -> bool {
        self.running.load(Ordering::Relaxed) == 0
    }

    /// Runs `write` under the lock that fencing and landing take, and fences nothing off.
    ///
    /// `write` must not call back into the cache, nor drop a value whose `Drop` might.
    pub(crate) fn locked<R>(&self, hash: u64, write: impl FnOnce() -> R) -> R {
        let shard = self.shard(hash).lock();
        let written = write();
        drop(shard);
        written
    }

    /// Whether a load of the key is running.
    pub(crate) fn is_loading<Q>(&self, hash: u64, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let shard = self.shard(hash).lock();
        shard.find(hash, |slot| slot.key.borrow() == key).is_some()
    }
}

impl<K: Eq, T> Lead<K, T> {
    /// The stamp that the flight started with.
    pub(crate) fn stamp(&self) -> u64 {
        self.flight.began.stamp
    }

    /// When the flight started.
    pub(crate) fn began(&self) -> Began {
        self.flight.began
    }

    /// Ends the flight. `publish` runs under the lock that fencing takes, and is told whether the
    /// flight may still publish; what it returns goes to everyone who joined.
    ///
    /// `publish` must not call back into the cache, nor drop a value whose `Drop` might.
    pub(crate) fn land(self, publish: impl FnOnce(bool) -> T) {
        let mut shard = self.flights.shard(self.hash).lock();
        let own = self.take_out(&mut shard);
        let may_publish = own.is_some() || !self.flights.checks.stands(Check::Table);
        let outcome = publish(may_publish);
        drop(shard);
        self.flight.strip.land(Landing::Landed(outcome));
    }

    /// Whatever was pushed so far is for the store to judge, to which the result is handed now.
    pub(crate) fn forget_push(&self) {
        self.flight.is_pushed.store(false, Ordering::Release);
    }

    /// Whatever was pushed so far came before the load, which has not begun: it may be joined again.
    pub(crate) fn reopen(&self) {
        self.forget_push();
        self.flight.is_shut.store(false, Ordering::Release);
    }

    /// As [`land`](Self::land); `publish` is told as well whether the key was pushed.
    pub(crate) fn land_pushed(self, publish: impl FnOnce(bool, bool) -> T) {
        let flight = self.flight.clone();
        self.land(|in_table| publish(in_table, flight.is_pushed.load(Ordering::Acquire)));
    }

    /// Ends the flight with a value that is there already, if `outcome`, which runs under the lock
    /// that fencing takes, still finds it; gives the duty back if not.
    ///
    /// Whoever joined did so before `outcome` runs. So it finds nothing that was taken away before
    /// one of them began.
    pub(crate) fn land_on(self, outcome: impl FnOnce() -> Option<T>) -> Option<Self> {
        let landing = {
            let mut shard = self.flights.shard(self.hash).lock();
            let outcome = outcome();
            let own = outcome.as_ref().and_then(|_| self.take_out(&mut shard));
            drop(shard);
            drop(own);
            outcome
        };
        let Some(outcome) = landing else {
            return Some(self);
        };
        self.flight.strip.land(Landing::Landed(outcome));
        None
    }

    fn take_out(&self, shard: &mut Shard<K, T>) -> Option<Slot<K, T>> {
        let is_own =
            |slot: &Slot<K, T>| slot.key == self.key && Arc::ptr_eq(&slot.flight, &self.flight);
        shard
            .find_entry(self.hash, is_own)
            .map(|slot| slot.remove().0)
            .ok()
    }
}

impl<K: Eq, T> Drop for Lead<K, T> {
    /// Counts the flight out; an unfinished one was cancelled or panicked.
    fn drop(&mut self) {
        self.flights.running.fetch_sub(1, Ordering::Relaxed);
        if self.flight.strip.has_landed() {
            return;
        }
        let own = self.take_out(&mut self.flights.shard(self.hash).lock());
        drop(own);
        let landing = if std::thread::panicking() {
            Landing::Panicked
        } else {
            Landing::Lost
        };
        self.flight.strip.land(landing);
    }
}

impl<T> Ticket<T> {
    fn of(flight: &Arc<Flight<T>>) -> Self {
        Self {
            flight: flight.clone(),
            place: None,
        }
    }
}

impl<T: Clone> Ticket<T> {
    /// Waits until the flight has landed or is lost. Dropping the future cancels nothing.
    pub(crate) async fn landing(mut self) -> Landing<T> {
        poll_fn(|cx| self.flight.strip.poll(&mut self.place, cx)).await
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.flight.strip.leave(place);
        }
    }
}
