//! Which entry leaves a full shard, and what is worth a place in its main queue.

use std::hash::{BuildHasher as _, Hash};

use foldhash::quality::RandomState;

use super::super::departed::{Cause, Departures};
use super::super::entry::{Bar, Entry};
use super::super::ghost::Ghost;
use super::Shard;

/// The small queue's share of the weight is one in this many.
const SMALL_SHARE: u64 = 32;
/// How many used entries of the main queue go round again before one leaves though it was used.
const REPRIEVES: usize = 64;
/// Frequencies are halved when this many requests have been counted for each entry held.
const REQUESTS_TO_FADE: usize = 3;
/// An entry that was not used in the small queue takes the place of one of the main queue if its key
/// was asked for at least this much more often. With less, keys that go round in a loop would push
/// each other out for nothing.
const MARGIN: u64 = 2;

impl<K: Hash + Eq, V> Shard<K, V> {
    pub(super) fn main_has_room(&self, weight: u32) -> bool {
        self.main.weight + u64::from(weight) + self.small_limit() <= self.limit
    }

    pub(super) fn small_limit(&self) -> u64 {
        (self.limit / SMALL_SHARE).max(1)
    }

    /// Whether a key that is asked for `frequency` times is worth more than what would leave the main
    /// queue for it.
    pub(super) fn outdoes_main(&mut self, frequency: u64, weight: u32, bar: Bar) -> bool {
        self.main_has_room(weight)
            || self.choose_in_main(bar).is_none_or(|(slot, cause)| {
                cause != Cause::Capacity || frequency > self.table.entry_mut(slot).frequency()
            })
    }

    pub(super) fn count_request(&mut self) {
        self.counted += 1;
        if self.counted > REQUESTS_TO_FADE * self.table.len() {
            self.counted = 0;
            self.table.entries_mut().for_each(Entry::halve_frequency);
            self.ghost.fade();
        }
    }

    /// Puts entries out until one of `weight`, which is not over the limit, fits in.
    pub(super) fn make_room(
        &mut self,
        weight: u32,
        hasher: &RandomState,
        bar: Bar,
        departures: &mut Departures<K, V>,
    ) {
        while self.weight() + u64::from(weight) > self.limit {
            let is_main_over = self.main.weight + self.small_limit() > self.limit;
            let victim = if self.small.len == 0 || (is_main_over && self.main.len > 0) {
                self.choose_in_main(bar)
            } else {
                self.choose_in_small(bar)
            };
            if let Some((slot, cause)) = victim {
                let hash = hasher.hash_one(&self.table.entry(slot).key);
                let mut entry = self.take_out(hash, slot);
                if cause == Cause::Capacity {
                    self.remember(hash, &mut entry);
                }
                departures.push(self.departed(slot, entry, cause));
            }
        }
    }

    /// The entry that leaves for the sake of the small queue; those that were used go on to the main
    /// queue, and if all were, none leaves.
    #[inline]
    fn choose_in_small(&mut self, bar: Bar) -> Option<(usize, Cause)> {
        while let Some(slot) = self.small.oldest() {
            let (entry, cold) = self.table.entry_and_cold(slot);
            if let Some(cause) = entry.death(cold, bar) {
                return Some((slot, cause));
            }
            if entry.uses() == 0 {
                let frequency = entry.frequency();
                return Some(self.choose_by_frequency(slot, frequency, bar));
            }
            while entry.spend_use() {
                self.counted += 1;
            }
            self.move_to_main(slot);
        }
        None
    }

    /// Of an unused entry of the small queue and what would leave the main queue, the one that leaves;
    /// if it is the latter, the former takes its place.
    fn choose_by_frequency(&mut self, slot: usize, frequency: u64, bar: Bar) -> (usize, Cause) {
        if frequency >= MARGIN
            && let Some((rival, cause)) = self.choose_in_main(bar)
            && frequency >= self.table.entry_mut(rival).frequency() + MARGIN
        {
            self.move_to_main(slot);
            return (rival, cause);
        }
        (slot, Cause::Capacity)
    }

    /// The entry that leaves the main queue.
    fn choose_in_main(&mut self, bar: Bar) -> Option<(usize, Cause)> {
        for _ in 0..REPRIEVES {
            let slot = self.main.oldest()?;
            let (entry, cold) = self.table.entry_and_cold(slot);
            if let Some(cause) = entry.death(cold, bar) {
                return Some((slot, cause));
            }
            if !entry.spend_use() {
                break;
            }
            self.counted += 1;
            let weight = self.table.weight(slot);
            self.main.unlink(&mut self.table.beside, slot, weight);
            self.main.push(&mut self.table.beside, slot, weight);
        }
        self.main.oldest().map(|slot| (slot, Cause::Capacity))
    }

    #[inline]
    fn remember(&mut self, hash: u64, entry: &mut Entry<K, V>) {
        if !self.ghost.has_room() {
            self.ghost = Ghost::with_room_for(self.table.room() * 2);
        }
        let (frequency, from_main) = (entry.frequency(), entry.is_in_main());
        self.ghost.remember(hash, frequency, from_main);
    }
}
