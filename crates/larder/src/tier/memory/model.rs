//! The memory tier against a model of it: any history of calls, and what each may answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::departed::Cause;
use super::*;

/// Counts itself, to see that it drops once.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>, u64);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>, value: u64) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(alive.clone(), value)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(&self.0, self.1)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert { key: u64, weight: u32, millis: u64 },
    Remove(u64),
    Get(u64),
    Advance(u64),
    Restamp(u64),
    Invalidate,
    Reclaim(u64),
    Expire(u64),
    Clear,
}

fn step(keys: u64) -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => (0..keys, 0..30_u32, 0..2_000_u64).prop_map(|(key, weight, millis)| Step::Insert { key, weight, millis }),
        8 => (0..keys).prop_map(Step::Remove),
        40 => (0..keys).prop_map(Step::Get),
        6 => (0..700_u64).prop_map(Step::Advance),
        6 => (0..keys).prop_map(Step::Restamp),
        1 => Just(Step::Invalidate),
        4 => (0..keys).prop_map(Step::Reclaim),
        4 => (0..keys).prop_map(Step::Expire),
        1 => Just(Step::Clear),
    ]
}

/// What the tier may hold: each key's last value, until it was told that it left.
struct Model {
    memory: Memory<u64, Counted>,
    held: HashMap<u64, (u64, Meta, u32)>,
    alive: Arc<AtomicUsize>,
    limit: u64,
    weighed: bool,
    idle: Option<u64>,
    now: Tick,
    version: u64,
    floor: u64,
}

impl Model {
    fn new(limit: u64, weighed: bool, idle: Option<u64>) -> Self {
        let weigher: Weigher<u64, Counted> = Arc::new(|_, value| (value.1 % 30) as u32);
        Self {
            memory: Memory::new(
                Limits {
                    max_weight: limit,
                    idle: idle.map(Duration::from_millis),
                },
                weighed.then_some(weigher),
            ),
            held: HashMap::new(),
            alive: Arc::default(),
            limit,
            weighed,
            idle,
            now: Tick::ZERO,
            version: 0,
            floor: 0,
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Insert {
                key,
                weight,
                millis,
            } => self.insert(key, weight, millis),
            Step::Remove(key) => {
                let removed = self
                    .memory
                    .remove(self.memory.hash(&key), &key)
                    .map(|d| d.value.1);
                assert_eq!(removed, self.held.remove(&key).map(|(value, ..)| value));
            }
            Step::Get(key) => self.get(key),
            Step::Advance(millis) => {
                self.now = self.now.after(Duration::from_millis(millis));
            }
            Step::Restamp(key) => self.restamp(key),
            Step::Invalidate => self.floor = self.version + 1,
            Step::Reclaim(key) => self.reclaim(key),
            Step::Expire(key) => {
                self.memory.expire(self.memory.hash(&key), &key, self.now);
                self.held.entry(key).and_modify(|(_, meta, _)| {
                    meta.fresh_until = meta.fresh_until.min(self.now);
                });
            }
            Step::Clear => {
                let held = &mut self.held;
                self.memory.clear(|departed| {
                    let (value, meta, _) = held.remove(&departed.key).expect("it was held");
                    assert_eq!((departed.value.1, departed.note), (value, meta.note));
                    assert_eq!(departed.cause, Cause::Removed);
                });
            }
        }
        assert_eq!(self.memory.len(), self.held.len());
        let weight: u64 = self
            .held
            .values()
            .map(|&(.., weight)| u64::from(weight))
            .sum();
        assert_eq!(self.memory.weight(), weight);
        assert!(weight <= self.limit);
        assert_eq!(
            self.alive.load(Ordering::Relaxed),
            self.held.len(),
            "what left was dropped, once"
        );
    }

    fn insert(&mut self, key: u64, weight: u32, millis: u64) {
        self.version += 1;
        let value = self.version * 30 + u64::from(weight);
        let weight = if self.weighed { weight.max(1) } else { 1 };
        let expires_at = Tick::from_millis(self.now.as_millis() + millis);
        let meta = Meta {
            version: self.version,
            created: self.now,
            fresh_until: expires_at,
            expires_at,
            note: self.version as u32 % 3,
            cost: Cost::of(Duration::from_micros(self.version % 4)),
            is_watched: false,
        };
        let counted = Counted::new(&self.alive, value);
        let hash = self.memory.hash(&key);
        let stored = Meta {
            fresh_until: self.idle_until(expires_at),
            ..meta
        };
        let former = self.held.insert(key, (value, stored, weight));
        let departures = self.memory.insert(hash, key, counted, meta, self.bar());
        for departed in departures {
            if departed.cause == Cause::Replaced {
                assert_eq!(
                    (departed.key, Some((departed.value.1, departed.note))),
                    (key, former.map(|(value, meta, _)| (value, meta.note)))
                );
                continue;
            }
            let (value, meta, weight) = self
                .held
                .remove(&departed.key)
                .expect("what leaves was held");
            assert_eq!((departed.value.1, departed.note), (value, meta.note));
            match departed.cause {
                Cause::Expired => assert!(self.is_expired(&meta)),
                Cause::Invalidated => assert!(meta.version < self.floor),
                Cause::TooHeavy => assert!(u64::from(weight) > self.limit),
                cause => assert_eq!(cause, Cause::Capacity),
            }
        }
    }

    /// Every other time from a version that the entry does not have.
    fn restamp(&mut self, key: u64) {
        self.version += 1;
        let to = self.version;
        let from = self.held.get_mut(&key).map_or(0, |(_, meta, _)| {
            let from = meta.version;
            if to.is_multiple_of(2) {
                meta.version = to;
                from
            } else {
                from + 1
            }
        });
        let hash = self.memory.hash(&key);
        self.memory
            .restamp(hash, &key, (from, to), |_| Some(Tick::NEVER));
    }

    /// Takes the key's entry out if it is invalid.
    fn reclaim(&mut self, key: u64) {
        let (hash, floor) = (self.memory.hash(&key), self.floor);
        let is_it = |meta: &Meta| meta.version < floor;
        let removed = self
            .memory
            .remove_if(hash, &key, Cause::Invalidated, is_it)
            .map(|departed| (departed.value.1, departed.cause));
        let is_invalid = |(_, meta, _): &(u64, Meta, u32)| meta.version < floor;
        let expected = self.held.get(&key).filter(|held| is_invalid(held)).copied();
        if expected.is_some() {
            self.held.remove(&key);
        }
        assert_eq!(
            removed,
            expected.map(|(value, ..)| (value, Cause::Invalidated))
        );
    }

    fn bar(&self) -> Bar {
        Bar {
            now: self.now,
            floor: self.floor,
        }
    }

    fn is_expired(&self, meta: &Meta) -> bool {
        let gone = if self.idle.is_some() {
            meta.fresh_until
        } else {
            meta.expires_at
        };
        gone <= self.now
    }

    /// Until when a value that is used now and expires then is kept.
    fn idle_until(&self, expires_at: Tick) -> Tick {
        self.idle.map_or(expires_at, |idle| {
            Tick::from_millis(self.now.as_millis() + idle).min(expires_at)
        })
    }

    fn get(&mut self, key: u64) {
        let hash = self.memory.hash(&key);
        let hit = self
            .memory
            .get(hash, &key, self.now, |meta| meta.version >= self.floor);
        let held = self
            .held
            .get(&key)
            .copied()
            .filter(|(_, meta, _)| !self.is_expired(meta) && meta.version >= self.floor);
        assert_eq!(
            hit.map(|hit| (hit.value.1, hit.meta)),
            held.map(|(value, meta, _)| (value, meta))
        );
        if let (Some((_, mut meta, _)), Some(idle)) = (held, self.idle) {
            let until = self.idle_until(meta.expires_at);
            if until.since(meta.fresh_until) > Duration::from_millis(idle / 16) {
                meta.fresh_until = until;
            }
            self.held.entry(key).and_modify(|held| held.1 = meta);
        }
    }
}

proptest! {
    /// J1
    #[test]
    fn the_tier_agrees_with_a_model_of_it(
        limit in prop_oneof![0..40_u64, 40..400_u64, Just(3_000_u64)],
        weighed in any::<bool>(),
        idle in proptest::option::of(1..1_500_u64),
        steps in proptest::collection::vec(step(300), 1..600),
    ) {
        let mut model = Model::new(limit, weighed, idle);
        for step in steps {
            model.run(step);
        }
        model.memory.validate();
        let Model { memory, alive, .. } = model;
        drop(memory);
        prop_assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
}
