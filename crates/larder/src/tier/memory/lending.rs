//! Loans between shards, for entries that are heavier than a shard's share of the limit.
//!
//! The limits of the shards always add up to the tier's or, while a loan is under way, to less. A
//! shard gives back what it no longer needs when one that has less than its share is full. One lock
//! is held at a time. Only tiers with a weigher come here.

use std::hash::Hash;

use super::Memory;
use super::departed::Departures;
use super::entry::{Bar, Entry};
use super::shard::New;

impl<K: Hash + Eq, V: Clone> Memory<K, V> {
    /// Inserts into a shard that should have more room first. Where several threads want all of it at
    /// once, the entry may find too little and be given back as too heavy.
    #[cold]
    pub(super) fn insert_with_loan(
        &self,
        new: New<K, V>,
        bar: Bar,
        may: impl FnOnce(&K) -> bool,
        departures: &mut Departures<K, V>,
    ) -> Result<(), (K, V)> {
        let borrower = self.shard_number(new.hash);
        let shard = self.shards[borrower].0.read();
        let (lacks, needs) = (shard.lacks(new.weight), shard.needs(new.weight));
        drop(shard);
        let mut loan = 0;
        for i in self.others(borrower) {
            let mut shard = self.shards[i].0.write();
            let part = shard.spare().min(lacks - loan);
            loan += shard.lend(part, &self.hasher, bar, departures);
        }
        // An equal part of each; then, for those that had less, all that it takes.
        let part = needs
            .saturating_sub(loan)
            .div_ceil(self.shards.len() as u64 - 1);
        for most in [part, u64::MAX] {
            for i in self.others(borrower) {
                let part = needs.saturating_sub(loan).min(most);
                loan += self.shards[i]
                    .0
                    .write()
                    .lend(part, &self.hasher, bar, departures);
            }
        }
        let mut shard = self.shards[borrower].0.write();
        shard.borrow(loan);
        if !may(&new.entry.key) {
            drop(shard);
            let Entry { key, value, .. } = new.entry;
            return Err((key, value));
        }
        shard.insert(new, &self.hasher, bar, departures);
        Ok(())
    }

    fn others(&self, borrower: usize) -> impl Iterator<Item = usize> + use<K, V> {
        (0..self.shards.len()).filter(move |&i| i != borrower)
    }
}
