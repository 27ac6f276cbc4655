//! What makes an entry dead before it is put out: idleness, and what the cache finds invalid.

use super::*;

const SECOND: u64 = 1_000;

fn at(millis: u64) -> Tick {
    Tick::from_millis(millis)
}

/// A tier in which what is not used for 16 s is gone.
fn idling(max_weight: u64) -> Memory<u64, u64> {
    let idle = Some(Duration::from_secs(16));
    Memory::new(Limits { max_weight, idle }, None)
}

impl Memory<u64, u64> {
    fn put_at(&self, key: u64, meta: Meta, now: Tick, floor: u64) -> Vec<Departed<u64, u64>> {
        let departures = self.insert(self.hash(&key), key, key, meta, Bar { now, floor });
        departures.into_iter().collect()
    }

    fn is_found_at(&self, key: u64, millis: u64) -> bool {
        let hash = self.hash(&key);
        self.get(hash, &key, at(millis), |_| true).is_some()
    }
}

#[test]
fn an_entry_in_use_outlives_its_time_to_idle_up_to_its_end_and_an_unused_one_does_not() {
    let memory = idling(10);
    for key in [1, 2] {
        drop(memory.put_at(key, meta(1, at(60 * SECOND)), Tick::ZERO, 0));
    }
    assert!((1..=6).all(|i| memory.is_found_at(1, i * 9 * SECOND)));
    assert!(memory.is_found_at(2, 16 * SECOND - 1) && !memory.is_found_at(2, 40 * SECOND));
    assert!(memory.is_found_at(1, 60 * SECOND - 1));
    assert!(
        !memory.is_found_at(1, 60 * SECOND),
        "its time to live is over"
    );
}

#[test]
fn a_hit_moves_an_idle_deadline_only_by_more_than_a_sixteenth() {
    let memory = idling(10);
    drop(memory.put_at(1, meta(1, Tick::NEVER), Tick::ZERO, 0));
    assert!(memory.is_found_at(1, SECOND));
    assert!(!memory.is_found_at(1, 16 * SECOND), "it was not moved");
    drop(memory.put_at(1, meta(1, Tick::NEVER), Tick::ZERO, 0));
    assert!(memory.is_found_at(1, SECOND + 1));
    assert!(memory.is_found_at(1, 17 * SECOND), "it was moved");
}

#[test]
fn idle_entries_make_room_before_those_in_use_do() {
    let memory = idling(1_000);
    (0..1_000).for_each(|key| drop(memory.put_at(key, meta(1, Tick::NEVER), Tick::ZERO, 0)));
    assert!(
        (0..1_000)
            .step_by(2)
            .all(|key| memory.is_found_at(key, 9 * SECOND))
    );
    let mut causes = Vec::new();
    for key in 1_000..1_450 {
        let departed = memory.put_at(key, meta(1, Tick::NEVER), at(20 * SECOND), 0);
        causes.extend(departed.iter().map(|departed| departed.cause));
    }
    let kept = (0..1_000).step_by(2);
    let kept = kept.filter(|&key| memory.is_found_at(key, 20 * SECOND));
    assert!(kept.count() >= 495);
    assert!(
        causes
            .iter()
            .filter(|cause| **cause == Cause::Expired)
            .count()
            >= 440
    );
    memory.validate();
}

#[test]
fn entries_under_the_floor_are_reclaimed_below_the_capacity_too() {
    let memory = of(10_000);
    (0..1_000).for_each(|key| drop(memory.put_at(key, meta(key, Tick::NEVER), NOW, 0)));
    let mut left = Vec::new();
    for key in 1_000..3_000 {
        let departed = memory.put_at(key, meta(key, Tick::NEVER), NOW, 600);
        left.extend(
            departed
                .iter()
                .map(|departed| (departed.key, departed.cause)),
        );
    }
    left.sort_unstable_by_key(|&(key, _)| key);
    let expected: Vec<_> = (0..600).map(|key| (key, Cause::Invalidated)).collect();
    assert_eq!(left, expected);
    assert_eq!(memory.evictions().invalidated, 600);
    memory.validate();
}

#[test]
fn entries_under_the_floor_make_room_before_others_do() {
    let memory = of(1_000);
    (0..1_000).for_each(|key| drop(memory.put_at(key, meta(key % 2, Tick::NEVER), NOW, 0)));
    (1_000..1_450).for_each(|key| drop(memory.put_at(key, meta(1, Tick::NEVER), NOW, 1)));
    let kept = (0..1_000).filter(|key| key % 2 == 1 && memory.look(key).is_some());
    assert!(kept.count() >= 495);
    assert!(
        memory.evictions().invalidated >= 440,
        "{:?}",
        memory.evictions()
    );
}

#[test]
fn an_entry_is_taken_out_for_a_cause_only_if_it_is_the_one_that_was_meant() {
    let memory = of(10);
    drop(memory.put_at(1, meta(7, Tick::NEVER), NOW, 0));
    let hash = memory.hash(&1);
    let take = |key: u64, version| {
        let is_it = |meta: &Meta| meta.version == version;
        memory.remove_if(hash, &key, Cause::Invalidated, is_it)
    };
    assert!(take(1, 6).is_none() && take(2, 7).is_none());
    assert_eq!(memory.look(&1), Some(1));
    assert_eq!(take(1, 7).map(|d| d.cause), Some(Cause::Invalidated));
    assert_eq!((memory.look(&1), memory.evictions().invalidated), (None, 1));
}

#[test]
fn costs_stay_with_their_values_while_the_table_grows() {
    let memory = of(3_000);
    let cost = |key| match key % 3 {
        0 => Cost::UNKNOWN,
        _ => Cost::of(Duration::from_millis(key)),
    };
    for key in 0..2_000 {
        let meta = Meta {
            cost: cost(key),
            ..meta(1, Tick::NEVER)
        };
        drop(memory.put_at(key, meta, NOW, 0));
    }
    memory.for_each(|&key, _, meta| assert_eq!(meta.cost, cost(key)));
}
