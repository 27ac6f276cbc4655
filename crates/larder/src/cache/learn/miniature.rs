//! Miniatures of a cache, a quarter to four times as large, that see the sampled keys alone: what each
//! would have missed (Waldspurger and others, "Cache modeling and optimization using miniature
//! simulations", ATC 2017).
//!
//! They are the engine itself, so their policy is the cache's. Their capacity is the cache's share of
//! the sampled keys. Keys are told apart by their hash; what they hold is a weight.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;
use crate::learn::{CurvePoint, Life};
use crate::notes::NO_NOTE;
use crate::tier::memory::{Bar, Cost, Limits, Memory, Meta, Weigher};

/// Capacities, as parts of the cache's own.
const SCALES: [(u64, u64); 5] = [(1, 4), (1, 2), (1, 1), (2, 1), (4, 1)];
/// The most entries in all of them. Above, fewer keys are to be sampled.
pub(super) const ENTRIES_MAX: usize = 2_560;

/// What a cache was built with that its miniatures share.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) capacity: u64,
    pub(super) is_weighed: bool,
    /// The time to idle.
    pub(super) idle: Option<Duration>,
}

pub(super) struct Miniatures {
    shape: Shape,
    models: [Model; SCALES.len()],
}

struct Model {
    scale: (u64, u64),
    memory: Memory<u64, u32>,
    misses: u64,
}

impl Miniatures {
    pub(super) fn new(shape: Shape) -> Self {
        let model = |scale| Model {
            scale,
            memory: memory(shape, scale, 0),
            misses: 0,
        };
        Self {
            shape,
            models: SCALES.map(model),
        }
    }

    /// A get that the cache answered with a value of this weight and life.
    pub(super) fn hit(&mut self, hash: u64, weight: u32, life: Life, now: Tick) {
        let idles = self.shape.idle.is_some();
        for model in &mut self.models {
            if idles && model.holds(hash, stamp(life.at), now) {
                continue;
            }
            // What a model holds it has, however old: it would have been loaded again unseen.
            let is_held = model.holds(hash, stamp(life.at), Tick::ZERO);
            model.misses += u64::from(!is_held);
            if !is_held || idles {
                model.store(hash, weight, (stamp(life.at), life.ends), now);
            }
        }
    }

    /// As [`hit`](Self::hit), of a key that was not sampled when its value was stored: what holds nothing of
    /// it may have held it.
    pub(super) fn adopt(&self, hash: u64, weight: u32, life: Life, now: Tick) {
        for model in &self.models {
            if !model.holds(hash, stamp(life.at), Tick::ZERO) {
                model.store(hash, weight, (stamp(life.at), life.ends), now);
            }
        }
    }

    /// A get that found nothing, or not of this lookup version.
    pub(super) fn missed(&mut self, hash: u64, at: Option<u64>, now: Tick) {
        for model in &mut self.models {
            model.misses += u64::from(!model.holds(hash, stamp(at), now));
        }
    }

    /// A value was stored: by a load, which a model that holds one would not have made, or by hand.
    pub(super) fn stored(&self, hash: u64, weight: u32, life: Life, is_loaded: bool, now: Tick) {
        for model in &self.models {
            if !is_loaded || model.lacks(hash, stamp(life.at), now) {
                model.store(hash, weight, (stamp(life.at), life.ends), now);
            }
        }
    }

    pub(super) fn removed(&self, hash: u64) {
        for model in &self.models {
            model.memory.remove(model.memory.hash(&hash), &hash);
        }
    }

    pub(super) fn cleared(&self) {
        for model in &self.models {
            model.memory.clear(drop);
        }
    }

    pub(super) fn entries(&self) -> usize {
        self.models.iter().map(|model| model.memory.len()).sum()
    }

    /// How many of them are fresh. O(n).
    pub(super) fn fresh_entries(&self, now: Tick) -> usize {
        let mut fresh = 0;
        for model in &self.models {
            let count =
                |_: &u64, _: &u32, meta: &Meta| fresh += usize::from(meta.fresh_until > now);
            model.memory.for_each(count);
        }
        fresh
    }

    /// Keeps what is sampled at one key in 2 to the power of `shift`.
    pub(super) fn resample(&mut self, shift: u32, is_sampled: impl Fn(u64) -> bool, now: Tick) {
        let idles = self.shape.idle.is_some();
        for model in &mut self.models {
            let new = memory(self.shape, model.scale, shift);
            let former = std::mem::replace(&mut model.memory, new);
            former.for_each(|&hash, &weight, meta| {
                let has_idled = idles && meta.fresh_until <= now;
                if is_sampled(hash) && !has_idled {
                    let ends = if idles {
                        meta.expires_at
                    } else {
                        meta.fresh_until
                    };
                    model.store(hash, weight, (meta.version, ends), now);
                }
            });
        }
    }

    pub(super) fn forget_misses(&mut self) {
        self.models.iter_mut().for_each(|model| model.misses = 0);
    }

    pub(super) fn fade(&mut self) {
        self.models.iter_mut().for_each(|model| model.misses /= 2);
    }

    /// The hit rate of each, had there been so many gets.
    pub(super) fn curve(&self, gets: f64) -> Vec<CurvePoint> {
        let point = |model: &Model| CurvePoint {
            scale: model.scale.0 as f64 / model.scale.1 as f64,
            capacity: scaled(self.shape.capacity, model.scale, 0),
            hit_rate: (1.0 - model.misses as f64 / gets).clamp(0.0, 1.0),
        };
        let models = self.models.iter().filter(|_| gets > 0.0);
        models.map(point).collect()
    }
}

impl Model {
    fn holds(&self, hash: u64, stamp: u64, now: Tick) -> bool {
        let memory = &self.memory;
        let is_it = |meta: &Meta| meta.version == stamp;
        memory.get(memory.hash(&hash), &hash, now, is_it).is_some()
    }

    /// Whether it holds nothing fresh; not counted as a use.
    fn lacks(&self, hash: u64, stamp: u64, now: Tick) -> bool {
        let (memory, mut is_fresh) = (&self.memory, false);
        memory.inspect(memory.hash(&hash), &hash, |meta| {
            is_fresh = meta.fresh_until > now && meta.version == stamp;
        });
        !is_fresh
    }

    fn store(&self, hash: u64, weight: u32, (stamp, ends): (u64, Tick), now: Tick) {
        let meta = Meta {
            version: stamp,
            created: now,
            fresh_until: ends,
            expires_at: ends,
            note: NO_NOTE,
            cost: Cost::UNKNOWN,
            is_watched: false,
        };
        let memory = &self.memory;
        let bar = Bar { now, floor: 0 };
        drop(memory.insert(memory.hash(&hash), hash, weight, meta, bar));
    }
}

/// A lookup version where an entry's version stands, which has fewer bits.
fn stamp(at: Option<u64>) -> u64 {
    at.map_or(0, |at| at & (u64::MAX >> 2))
}

fn scaled(capacity: u64, (times, part): (u64, u64), shift: u32) -> u64 {
    let scaled = (u128::from(capacity) * u128::from(times) / u128::from(part)) >> shift;
    let least = u64::from(capacity > 0);
    u64::try_from(scaled).unwrap_or(u64::MAX).max(least)
}

fn memory(shape: Shape, scale: (u64, u64), shift: u32) -> Memory<u64, u32> {
    let weigher = || -> Weigher<u64, u32> { Arc::new(|_, weight| *weight) };
    let limits = Limits {
        max_weight: scaled(shape.capacity, scale, shift),
        idle: shape.idle,
    };
    Memory::of_one_shard(limits, shape.is_weighed.then(weigher))
}
