//! What a cache learns of its keys, from the gets, loads and invalidations of those that are sampled.
//!
//! A hit on any other key pays a load, an `and` and a branch. What is looked at waits for nobody: where
//! another thread is at it, it is lost, and counted.

mod loads;
mod miniature;
mod small;

use std::borrow::Borrow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use self::miniature::{ENTRIES_MAX, Miniatures, Shape};
use self::small::Smallness;
use super::Inner;
use crate::clock::Tick;
use crate::key::{CacheKey, KeyRef};
use crate::learn::{Budget, Facts, HotKeys, Learned, Life, Loads, Mask, SlowLoads};
use crate::loader::{Found, Loaded};
use crate::observe::{HIT_SAMPLE, Recorder};
use crate::tier::codec::{Codec, Compression, Typed};

/// Of the timed gets, how many are counted for the hottest keys while nothing is looked at, since the
/// cache is busy: one in so many.
const TIMED_SAMPLE: u8 = 8;
/// Sums are halved when they stand for so many gets.
const GETS_MAX: f64 = 65_536.0;

/// What a get was answered with.
#[derive(Clone, Copy)]
pub(crate) enum Got {
    Value,
    /// Nothing that was made from this lookup version.
    Nothing {
        at: Option<u64>,
    },
}

/// What a cache learns. Switched off, it takes no more than its place.
pub(crate) struct Learner<K, V> {
    mask: Mask,
    /// Of the hashes that all processes share, those whose loads are noted.
    loads: Mask,
    /// Whether one was ever noted.
    has_loads: AtomicBool,
    lost: AtomicU64,
    state: Option<Box<Mutex<Lessons<K>>>>,
    /// How values become bytes, where a tier under memory needs to know.
    typed: Option<Typed<V>>,
}

struct Lessons<K> {
    budget: Budget,
    /// One key in 2 to the power of it is sampled.
    shift: u32,
    is_open: bool,
    small: Smallness,
    /// When more keys were last sampled than before.
    refined_at: Tick,
    /// The gets of all keys that the sampled ones stand for, divided by how many that are; since when it
    /// was last added to, as the number of gets then.
    gets: f64,
    gets_before: u64,
    lost_before: u64,
    /// The gets of the cache that one looked at stands for; and how many there had been when all was
    /// looked away from.
    stands_for: f64,
    gets_at_close: u64,
    misses: u64,
    hot: HotKeys<K>,
    slow: SlowLoads<K>,
    facts: Facts,
    miniatures: Miniatures,
    loads: Loads,
}

impl<K, V> Learner<K, V> {
    /// Learns nothing.
    pub(crate) const fn off() -> Self {
        Self {
            mask: Mask::closed(),
            loads: Mask::closed(),
            has_loads: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            state: None,
            typed: None,
        }
    }

    pub(crate) fn new(
        (capacity, is_weighed, idle): (u64, bool, Option<Duration>),
        typed: Option<Typed<V>>,
        now: Tick,
    ) -> Self {
        let shape = Shape {
            capacity,
            is_weighed,
            idle,
        };
        let lessons = Lessons::new(shape, now);
        let learner = Self {
            typed,
            state: Some(Box::new(Mutex::new(lessons))),
            ..Self::off()
        };
        learner.mask.open(0);
        learner.loads.open(0);
        learner
    }

    /// Whether what happens to the key of this hash is looked at.
    #[inline]
    pub(crate) fn takes(&self, hash: u64) -> bool {
        self.mask.takes(hash)
    }

    fn lessons(&self) -> Option<MutexGuard<'_, Lessons<K>>> {
        let lessons = self.state.as_ref()?.try_lock();
        if lessons.is_none() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        lessons
    }

    /// What tells a loaded value from others.
    fn print(&self, loaded: &Loaded<V>) -> Option<u64> {
        if let Some(etag) = &loaded.etag {
            return Some(xxhash_rust::xxh3::xxh3_64(etag.as_bytes()));
        }
        let (Found::Value(value), Some(typed)) = (&loaded.found, &self.typed) else {
            return None;
        };
        let encoded = typed.encoded(value, Codec::MessagePack, Compression::Off);
        let encoded = encoded.ok()?;
        Some(xxhash_rust::xxh3::xxh3_64(&encoded.bytes))
    }
}

impl<K> Lessons<K> {
    fn new(shape: Shape, now: Tick) -> Self {
        Self {
            budget: Budget::full(now),
            shift: 0,
            is_open: true,
            small: Smallness::new(now),
            refined_at: Tick::ZERO,
            gets: 0.0,
            gets_before: 0,
            lost_before: 0,
            stands_for: 1.0,
            gets_at_close: 0,
            misses: 0,
            hot: HotKeys::new(now),
            slow: SlowLoads::new(),
            facts: Facts::default(),
            miniatures: Miniatures::new(shape),
            loads: Loads::new(fastrand::u64(..), now),
        }
    }

    /// Brings the sums up to what all keys have been asked for by now.
    fn settle(&mut self, gets: u64, lost: u64) {
        if self.is_open {
            let seen = gets.saturating_sub(self.gets_before) as f64 / (1_u64 << self.shift) as f64;
            let lost = lost.saturating_sub(self.lost_before) as f64;
            self.gets += (seen - lost).max(0.0);
        }
        (self.gets_before, self.lost_before) = (gets, lost);
        if self.gets > GETS_MAX {
            self.fade();
        }
    }

    /// Gives the sums half their weight.
    fn fade(&mut self) {
        self.gets /= 2.0;
        self.misses /= 2;
        self.facts.fade();
        self.miniatures.fade();
    }

    /// What comes stands for those gets too that were looked away from: the sums so far have less
    /// weight by that. Otherwise the first gets, which find a cold cache, would count as much as a
    /// thousand times their number of later ones.
    fn weigh_anew(&mut self, gets: u64) {
        let missed = gets.saturating_sub(self.gets_at_close) >> self.shift;
        let stands_for = 1.0 + missed as f64 / Budget::ENOUGH_EVENTS as f64;
        let mut lighter = stands_for / self.stands_for;
        while lighter >= 2.0 && self.gets > 0.0 {
            self.fade();
            lighter /= 2.0;
        }
        self.stands_for = stands_for;
    }

    /// Whether all gets are looked at, those of every key.
    const fn is_exact(&self) -> bool {
        self.is_open && self.shift == 0
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Learns from a get that was answered.
    #[inline]
    pub(crate) fn learn_hit<Q>(&self, hash: u64, key: &Q, now: Tick)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let is_timed = Recorder::is_sample();
        if is_timed || self.learner.takes(hash) {
            self.learn_get(hash, key, now, (Got::Value, is_timed));
        }
    }

    /// Learns from a get that found nothing, or not of this lookup version.
    #[inline]
    pub(crate) fn learn_miss<Q>(&self, hash: u64, key: &Q, at: Option<u64>)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let is_timed = Recorder::is_sample();
        if is_timed || self.learner.takes(hash) {
            let got = Got::Nothing { at };
            self.learn_get(hash, key, self.clock.now(), (got, is_timed));
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn learn_get<Q>(&self, hash: u64, key: &Q, now: Tick, (got, is_timed): (Got, bool))
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let is_taken = self.learner.takes(hash);
        let is_counted = is_timed && (is_taken || fastrand::u8(..TIMED_SAMPLE) == 0);
        if !is_taken && !is_counted {
            return;
        }
        let Some(mut lessons) = self.learner.lessons() else {
            return;
        };
        let lessons = &mut *lessons;
        // The timed gets that this one stands for.
        let timed = match (is_timed, is_taken) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => u64::from(TIMED_SAMPLE),
        };
        if lessons.is_exact() {
            lessons.hot.count(hash, || key.to_key(), 1, now);
        } else if is_timed {
            let gets = u64::from(HIT_SAMPLE) * timed;
            lessons.hot.count(hash, || key.to_key(), gets, now);
        }
        lessons.budget.earn(timed, now);
        if self.is_cut_off() {
            // Lives are short without a link, and nothing that memory holds is trusted: of what the
            // settings do that tells nothing.
            return self.look_away(lessons);
        }
        if !lessons.is_open && lessons.budget.is_enough() {
            self.begin_looking(lessons);
        }
        self.refine(lessons, now);
        if !is_taken {
            return;
        }
        let text = || key.to_key().to_text().into_owned();
        match got {
            Got::Value => {
                if let Some((life, weight)) = self.life_of(hash, key) {
                    let is_older = life.created < lessons.refined_at;
                    if is_older && !lessons.facts.knows(hash) {
                        lessons.miniatures.adopt(hash, weight, life, now);
                    } else {
                        lessons.miniatures.hit(hash, weight, life, now);
                    }
                    lessons.facts.hit(hash, life, now, text);
                }
            }
            Got::Nothing { at } => {
                lessons.misses += 1;
                lessons.facts.missed(hash, now, text);
                lessons.miniatures.missed(hash, at, now);
            }
        }
        self.pay(lessons, now);
    }

    /// Learns that the key of this hash has a value now.
    #[inline]
    pub(crate) fn learn_stored<Q>(&self, hash: u64, key: &Q, is_loaded: bool)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        if self.learner.takes(hash) {
            self.learn_stored_of(hash, key, is_loaded);
        }
    }

    #[cold]
    fn learn_stored_of<Q>(&self, hash: u64, key: &Q, is_loaded: bool)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let (Some(mut lessons), now) = (self.learner.lessons(), self.clock.now()) else {
            return;
        };
        let lessons = &mut *lessons;
        if let Some((life, weight)) = self.life_of(hash, key) {
            lessons.facts.stored(hash, life, now);
            lessons
                .miniatures
                .stored(hash, weight, life, is_loaded, now);
        }
        lessons.budget.earn(0, now);
        self.pay(lessons, now);
    }

    /// Learns that the value of the key of this hash may be true no longer: the shared store will tell.
    pub(crate) fn learn_suspected(&self, hash: u64) {
        if self.learner.takes(hash)
            && let Some(mut lessons) = self.learner.lessons()
        {
            lessons.facts.invalidated(hash);
        }
    }

    /// Learns that no value is true any longer.
    pub(crate) fn learn_cleared(&self) {
        if let Some(state) = &self.learner.state {
            let mut lessons = state.lock();
            lessons.facts.all_invalidated();
            lessons.miniatures.cleared();
            lessons.loads.all_invalidated();
        }
    }

    /// Begins the sums anew. What the miniatures hold stays, as it does in the cache.
    pub(crate) fn forget_lessons(&self) {
        let Some(state) = &self.learner.state else {
            return;
        };
        let mut lessons = state.lock();
        lessons.settle(self.recorder.gets(), self.lessons_lost());
        (lessons.gets, lessons.misses) = (0.0, 0);
        lessons.facts.forget_sums();
        lessons.miniatures.forget_misses();
        lessons.loads.forget(self.clock.now());
    }

    /// What was learned so far; `None` where that is switched off.
    pub(crate) fn learned(&self) -> Option<Learned> {
        let mut lessons = self.learner.state.as_ref()?.lock();
        let lost = self.lessons_lost();
        lessons.settle(self.recorder.gets(), lost);
        Some(Learned {
            one_in: 1 << lessons.shift,
            gets: lessons.gets,
            misses: lessons.misses,
            lost,
            causes: lessons.facts.causes,
            reloads: lessons.facts.reloads,
            repeats: lessons.facts.repeats,
            prefixes: lessons.facts.prefixes(),
            ages: lessons.facts.ages,
            what_if: lessons.facts.what_if,
            curve: lessons.miniatures.curve(lessons.gets),
        })
    }

    /// Shows `f` the keys that are hot and those that are slow to load, with the number of gets that one
    /// counted stands for.
    pub(crate) fn with_keys_learned<R>(
        &self,
        f: impl FnOnce(u64, &mut HotKeys<K>, &SlowLoads<K>) -> R,
    ) -> Option<R> {
        let mut lessons = self.learner.state.as_ref()?.lock();
        let lessons = &mut *lessons;
        let one_in = if lessons.is_exact() {
            1
        } else if lessons.is_open {
            u64::from(HIT_SAMPLE)
        } else {
            u64::from(HIT_SAMPLE) * u64::from(TIMED_SAMPLE)
        };
        Some(f(one_in, &mut lessons.hot, &lessons.slow))
    }

    fn lessons_lost(&self) -> u64 {
        self.learner.lost.load(Ordering::Relaxed)
    }

    /// The life and the weight of a key's value in memory.
    fn life_of<Q>(&self, hash: u64, key: &Q) -> Option<(Life, u32)>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let (mut life, idles) = (None, self.policy.idle().is_some());
        let weight = self.memory.inspect(hash, key, |meta| {
            life = Some(Life {
                created: meta.created,
                fresh_until: meta.fresh_until,
                ends: if idles {
                    meta.expires_at
                } else {
                    meta.fresh_until
                },
                at: self.notes.at(meta.note),
            });
        });
        life.zip(weight)
    }

    /// Pays for what was looked at; samples fewer keys, or looks away, when it is more than is allowed.
    fn pay(&self, lessons: &mut Lessons<K>, now: Tick) {
        let entries = lessons.miniatures.entries();
        let is_paid = lessons.budget.spend();
        if entries > ENTRIES_MAX || !is_paid && entries > ENTRIES_MAX / 2 {
            lessons.settle(self.recorder.gets(), self.lessons_lost());
            lessons.shift += 1;
            // What was counted so far was of twice the keys.
            lessons.fade();
            self.learner.mask.open(lessons.shift);
            let is_sampled = |hash| self.learner.takes(hash);
            lessons.facts.retain(is_sampled);
            lessons.miniatures.resample(lessons.shift, is_sampled, now);
        } else if !is_paid {
            self.look_away(lessons);
        }
    }

    fn look_away(&self, lessons: &mut Lessons<K>) {
        let gets = self.recorder.gets();
        lessons.settle(gets, self.lessons_lost());
        lessons.is_open = false;
        lessons.gets_at_close = gets;
        self.learner.mask.close();
    }

    /// Samples more keys, where so few are held that all of them can be followed.
    fn refine(&self, lessons: &mut Lessons<K>, now: Tick) {
        if lessons.shift == 0 {
            return;
        }
        let (small, miniatures) = (&mut lessons.small, &lessons.miniatures);
        let Some(by) = small.look(now, || miniatures.fresh_entries(now)) else {
            return;
        };
        lessons.settle(self.recorder.gets(), self.lessons_lost());
        lessons.shift -= by.min(lessons.shift);
        lessons.miniatures.resample(lessons.shift, |_| true, now);
        lessons.refined_at = now;
        if lessons.is_open {
            self.learner.mask.open(lessons.shift);
        }
    }

    fn begin_looking(&self, lessons: &mut Lessons<K>) {
        let gets = self.recorder.gets();
        lessons.settle(gets, self.lessons_lost());
        lessons.weigh_anew(gets);
        lessons.is_open = true;
        lessons.facts.lose_sight();
        self.learner.mask.open(lessons.shift);
    }
}
