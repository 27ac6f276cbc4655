use std::collections::HashMap;
use std::sync::Arc;

use super::departed::Cause;
use super::*;

mod death;

const NOW: Tick = Tick::from_millis(1_000);

fn meta(version: u64, expires_at: Tick) -> Meta {
    Meta {
        version,
        created: Tick::ZERO,
        fresh_until: expires_at,
        expires_at,
        note: 0,
        cost: Cost::UNKNOWN,
        is_watched: false,
    }
}

fn bar(now: Tick) -> Bar {
    Bar { now, floor: 0 }
}

fn limits(max_weight: u64) -> Limits {
    Limits {
        max_weight,
        idle: None,
    }
}

fn of(max_weight: u64) -> Memory<u64, u64> {
    Memory::new(limits(max_weight), None)
}

/// Values weigh themselves.
fn weighed(max_weight: u64) -> Memory<u64, u64> {
    Memory::new(limits(max_weight), Some(Arc::new(|_, &value| value as u32)))
}

impl<K: Hash + Eq, V: Clone> Memory<K, V> {
    fn put(&self, key: K, value: V) -> Vec<Departed<K, V>> {
        self.insert(self.hash(&key), key, value, meta(1, Tick::NEVER), bar(NOW))
            .into_iter()
            .collect()
    }

    fn look<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get(self.hash(key), key, NOW, |_| true)
            .map(|hit| hit.value)
    }

    pub(super) fn validate(&self) {
        self.shards
            .iter()
            .for_each(|shard| shard.0.write().validate(&self.hasher));
    }
}

#[test]
fn what_is_stored_is_found_with_what_is_known_of_it() {
    let memory: Memory<String, u8> = Memory::new(limits(10), None);
    let tick = Tick::from_millis;
    let meta = Meta {
        version: 7,
        created: tick(1),
        fresh_until: tick(2_000),
        expires_at: tick(3_000),
        note: 9,
        cost: Cost::of(Duration::from_millis(20)),
        is_watched: false,
    };
    memory
        .insert(memory.hash("a"), "a".into(), 1, meta, bar(NOW))
        .into_iter()
        .for_each(drop);
    let hit = memory.get(memory.hash("a"), "a", NOW, |_| true).unwrap();
    assert_eq!((hit.value, hit.meta), (1, meta));
    assert_eq!(memory.look("b"), None);
}

#[test]
fn an_entry_is_gone_from_its_last_tick_on_and_where_it_is_not_valid() {
    let memory = of(10);
    let hash = memory.hash(&1);
    memory
        .insert(hash, 1, 1, meta(5, Tick::from_millis(2_000)), bar(NOW))
        .into_iter()
        .for_each(drop);
    let at = |millis, floor| {
        memory
            .get(hash, &1, Tick::from_millis(millis), |meta| {
                meta.version > floor
            })
            .is_some()
    };
    assert!(at(1_999, 4));
    assert!(!at(1_999, 5));
    assert!(!at(2_000, 4));
}

#[test]
fn capacity_0_stores_nothing_and_gives_the_value_back() {
    let memory = of(0);
    let departed = memory.put(1, 10);
    assert_eq!(
        departed
            .iter()
            .map(|d| (d.value, d.cause))
            .collect::<Vec<_>>(),
        [(10, Cause::TooHeavy)]
    );
    assert_eq!((memory.len(), memory.evictions().too_heavy), (0, 1));
}

#[test]
fn an_entry_heavier_than_the_capacity_takes_its_keys_former_value_out() {
    let memory = weighed(100);
    assert!(memory.put(1, 60).is_empty());
    let causes: Vec<_> = memory
        .put(1, 101)
        .iter()
        .map(|d| (d.value, d.cause))
        .collect();
    assert_eq!(causes, [(60, Cause::Replaced), (101, Cause::TooHeavy)]);
    assert_eq!((memory.look(&1), memory.weight()), (None, 0));
}

#[test]
fn an_entry_as_heavy_as_the_capacity_is_stored_however_many_shards_there_are() {
    let memory = weighed(1 << 20);
    assert!(memory.shards.len() > 1);
    (0..64).for_each(|key| drop(memory.put(key, 1 << 10)));
    drop(memory.put(100, 1 << 20));
    assert_eq!(
        (memory.look(&100), memory.weight(), memory.len()),
        (Some(1 << 20), 1 << 20, 1)
    );
    (0..64).for_each(|key| drop(memory.put(key, 1 << 10)));
    memory.validate();
    assert!(memory.weight() <= 1 << 20);
    assert_eq!(memory.look(&63), Some(1 << 10));
}

#[test]
fn light_entries_leave_for_one_as_heavy_as_the_capacity() {
    let memory = weighed(100_000);
    (0..100).for_each(|key| drop(memory.put(key, 10)));
    drop(memory.put(1_000, 100_000));
    memory.validate();
    assert_eq!((memory.look(&1_000), memory.len()), (Some(100_000), 1));
}

#[test]
fn a_value_that_grows_puts_others_out_and_stays() {
    let memory = weighed(100);
    (0..10).for_each(|key| drop(memory.put(key, 10)));
    drop(memory.put(0, 95));
    assert_eq!((memory.look(&0), memory.weight()), (Some(95), 95));
    memory.validate();
}

#[test]
fn a_weight_of_0_counts_as_1() {
    let memory = weighed(10);
    (0..100).for_each(|key| drop(memory.put(key, 0)));
    assert_eq!((memory.len(), memory.weight()), (10, 10));
}

#[test]
fn keys_in_use_outlive_a_scan_but_for_few() {
    let memory = of(1_000);
    for _ in 0..2 {
        (0..500).for_each(|key| {
            if memory.look(&key).is_none() {
                drop(memory.put(key, key));
            }
        });
    }
    (10_000..30_000).for_each(|key| drop(memory.put(key, key)));
    let kept = (0..500).filter(|key| memory.look(key).is_some()).count();
    assert!(kept >= 450, "{kept} of 500");
    memory.validate();
}

#[test]
fn a_key_that_comes_back_soon_after_its_eviction_starts_in_the_main_queue() {
    // Of single keys, the ghost may forget one or take it for another.
    let stays = |_: &i32| {
        let memory = of(100);
        (0..150).for_each(|key| drop(memory.put(key, key)));
        let was_evicted = memory.look(&120).is_none();
        drop(memory.put(120, 0));
        (1_000..1_080).for_each(|key| drop(memory.put(key, key)));
        was_evicted && memory.look(&120) == Some(0)
    };
    let stayed = (0..100).filter(stays).count();
    assert!(stayed >= 85, "{stayed} of 100");
}

#[test]
fn a_loop_over_far_more_keys_than_fit_still_hits() {
    let memory = of(400);
    let mut hits = 0;
    for round in 0..10 {
        for key in 0..1_000 {
            match memory.look(&key) {
                Some(_) if round == 9 => hits += 1,
                Some(_) => {}
                None => drop(memory.put(key, key)),
            }
        }
    }
    assert!((120..=400).contains(&hits), "{hits} of 400");
}

#[test]
fn a_loop_over_few_more_keys_than_fit_does_not_push_out_what_it_comes_back_to() {
    let memory = of(400);
    let mut hits = 0;
    for round in 0..20 {
        for key in 0..520 {
            match memory.look(&key) {
                Some(_) if round >= 10 => hits += 1,
                Some(_) => {}
                None => drop(memory.put(key, key)),
            }
        }
    }
    assert!(hits > 10 * 240, "{hits} in ten rounds");
    memory.validate();
}

#[test]
fn what_was_used_long_ago_makes_place_for_what_is_used_now() {
    let memory = of(400);
    for first in [0, 10_000] {
        let mut hits = 0;
        for round in 0..40 {
            for key in first..first + 300 {
                match memory.look(&key) {
                    Some(_) if round >= 30 => hits += 1,
                    Some(_) => {}
                    None => drop(memory.put(key, key)),
                }
            }
        }
        assert!(hits > 2_900, "{hits} of 3,000 from {first} on");
    }
}

#[test]
fn expired_entries_make_room_before_live_ones_do() {
    let memory = of(1_000);
    for key in 0..1_000 {
        let expires = if key % 2 == 0 {
            Tick::from_millis(5_000)
        } else {
            Tick::NEVER
        };
        memory
            .insert(memory.hash(&key), key, key, meta(1, expires), bar(NOW))
            .into_iter()
            .for_each(drop);
    }
    let later = Tick::from_millis(6_000);
    for key in 2_000..2_450 {
        memory
            .insert(
                memory.hash(&key),
                key,
                key,
                meta(1, Tick::NEVER),
                bar(later),
            )
            .into_iter()
            .for_each(drop);
    }
    let live = (0..1_000)
        .filter(|key| memory.look(key).is_some() && key % 2 == 1)
        .count();
    assert!(live >= 495, "{live} of the 500 live entries are left");
    assert!(
        memory.evictions().expired >= 440,
        "{:?}",
        memory.evictions()
    );
    memory.validate();
}

#[test]
fn expired_entries_are_reclaimed_below_the_capacity_too() {
    let memory = of(10_000);
    for key in 0..1_000 {
        memory
            .insert(
                memory.hash(&key),
                key,
                key,
                meta(1, Tick::from_millis(2_000)),
                bar(NOW),
            )
            .into_iter()
            .for_each(drop);
    }
    for key in 1_000..2_000 {
        memory
            .insert(
                memory.hash(&key),
                key,
                key,
                meta(1, Tick::NEVER),
                bar(Tick::from_millis(3_000)),
            )
            .into_iter()
            .for_each(drop);
    }
    assert_eq!((memory.len(), memory.evictions().expired), (1_000, 1_000));
}

#[test]
fn clearing_leaves_nothing_and_counts_what_it_took() {
    let memory = of(5_000);
    (0..3_000).for_each(|key| drop(memory.put(key, key)));
    let held = memory.len() as u64;
    let mut causes = Vec::new();
    memory.clear(|departed| {
        assert_eq!(memory.look(&departed.key), None, "the lock is released");
        causes.push(departed.cause);
    });
    assert_eq!(causes, vec![Cause::Removed; held as usize]);
    assert_eq!(
        (memory.len(), memory.weight(), memory.evictions().removed),
        (0, 0, held)
    );
    drop(memory.put(1, 2));
    assert_eq!(memory.look(&1), Some(2));
    memory.validate();
}

#[test]
fn a_note_stays_with_its_value_until_that_leaves() {
    let memory = of(2);
    let put = |key, note| -> Vec<_> {
        let meta = Meta {
            note,
            ..meta(1, Tick::NEVER)
        };
        let departures = memory.insert(memory.hash(&key), key, 0, meta, bar(NOW));
        departures.into_iter().map(|d| (d.key, d.note)).collect()
    };
    assert_eq!((put(1, 0), put(2, 7)), (vec![], vec![]));
    assert_eq!(put(1, 8), [(1, 0)], "the former value's");
    let mut listed = HashMap::new();
    memory.for_each(|&key, _, meta| listed.extend([(key, meta.note)]));
    assert_eq!(listed, HashMap::from([(1, 8), (2, 7)]));
    let evicted = put(3, 0);
    assert!([(1, 8), (2, 7)].contains(&evicted[0]), "{evicted:?}");
    let left = 3 - evicted[0].0;
    let removed = memory.remove(memory.hash(&left), &left).unwrap();
    assert_eq!(removed.note, listed[&left]);
    assert_eq!(of(0).put(1, 1)[0].note, 0);
}

#[test]
fn only_the_version_that_was_seen_is_stamped_anew() {
    let memory = of(10);
    drop(memory.put(1, 10));
    let hash = memory.hash(&1);
    let version = || memory.get(hash, &1, NOW, |_| true).unwrap().meta.version;
    let valid = |_: &Meta| Some(Tick::NEVER);
    memory.restamp(hash, &1, (2, 9), valid);
    assert_eq!(version(), 1, "another value was seen");
    memory.restamp(hash, &1, (1, 9), |_| None);
    assert_eq!(version(), 1, "it is not valid");
    memory.restamp(hash, &1, (1, 9), valid);
    assert_eq!(version(), 9);
    memory.restamp(memory.hash(&2), &2, (1, 9), valid);
    assert_eq!(memory.len(), 1);
}

#[test]
fn a_listing_shows_each_entry_once() {
    let memory = of(3_000);
    (0..1_000).for_each(|key| drop(memory.put(key, key * 2)));
    let mut seen = HashMap::new();
    memory.for_each(|&key, &value, meta| assert_eq!(seen.insert(key, (value, meta.version)), None));
    assert_eq!(seen.len(), memory.len());
    assert!(seen.iter().all(|(key, &seen)| seen == (key * 2, 1)));
}

#[test]
fn shards_hold_the_capacity_together_and_are_not_too_small() {
    for capacity in [1, 511, 513, 1_023, 1_025, 100_000, 10_000_000] {
        let memory = of(capacity);
        assert_eq!(memory.shards.len().count_ones(), 1);
        assert!(memory.shards.len() as u64 <= (capacity / MIN_SHARD_ENTRIES).max(1));
    }
    let memory = of(1_025);
    (0..10_000).for_each(|key| drop(memory.put(key, key)));
    assert_eq!(memory.len(), 1_025);
}

#[test]
fn threads_that_read_write_and_remove_at_once_find_only_what_was_stored_under_the_key() {
    let memory = of(2_000);
    // Miri takes a thousand times as long for each.
    let rounds = if cfg!(miri) { 40_u64 } else { 40_000 };
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let memory = &memory;
            scope.spawn(move || {
                for i in 0..rounds {
                    let key = (i * 7 + thread * 13).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
                    match i % 8 {
                        0..3 => drop(memory.put(key, key << 32 | i)),
                        3 => drop(memory.remove(memory.hash(&key), &key)),
                        _ => assert!(memory.look(&key).is_none_or(|value| value >> 32 == key)),
                    }
                }
            });
        }
    });
    memory.validate();
    let (mut len, weight) = (0, memory.weight());
    memory.for_each(|_, _, _| len += 1);
    assert_eq!((len, len as u64), (memory.len(), weight));
    assert!(weight <= 2_000);
}
