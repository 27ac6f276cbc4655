//! The keys whose loads took longest, of the last quarter of an hour.

use std::time::Duration;

use crate::clock::Tick;

const PLACES: usize = 64;
const FORGOTTEN_AFTER: Duration = Duration::from_mins(15);

pub(crate) struct SlowLoads<K> {
    rows: Vec<Row<K>>,
}

struct Row<K> {
    hash: u64,
    key: K,
    took: Duration,
    at: Tick,
}

impl<K> SlowLoads<K> {
    pub(crate) const fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Notes a key's load; its last one counts. O(64).
    pub(crate) fn note(&mut self, hash: u64, key: impl FnOnce() -> K, took: Duration, at: Tick) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.hash == hash) {
            (row.took, row.at) = (took, at);
            return;
        }
        let new = |key| Row {
            hash,
            key,
            took,
            at,
        };
        if self.rows.len() < PLACES {
            self.rows.push(new(key()));
            return;
        }
        let worth = |row: &Row<K>| (!is_old(row, at), row.took);
        if let Some(least) = self.rows.iter_mut().min_by_key(|row| worth(row))
            && (is_old(least, at) || least.took < took)
        {
            *least = new(key());
        }
    }

    /// The slowest first.
    pub(crate) fn slowest(&self, limit: usize, now: Tick) -> Vec<(&K, Duration)> {
        let rows = self.rows.iter().filter(|row| !is_old(row, now));
        let mut rows: Vec<_> = rows.map(|row| (&row.key, row.took)).collect();
        rows.sort_by_key(|&(_, took)| std::cmp::Reverse(took));
        rows.truncate(limit);
        rows
    }
}

fn is_old<K>(row: &Row<K>, now: Tick) -> bool {
    now.since(row.at) > FORGOTTEN_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(loads: &mut SlowLoads<u64>, key: u64, millis: u64, at: Tick) {
        loads.note(key, || key, Duration::from_millis(millis), at);
    }

    #[test]
    fn the_slowest_stay_a_keys_last_load_counts_and_old_ones_are_forgotten() {
        let mut loads = SlowLoads::new();
        (0..1_000).for_each(|key| noted(&mut loads, key, key, Tick::ZERO));
        noted(&mut loads, 999, 5, Tick::ZERO);
        let slowest = loads.slowest(2, Tick::ZERO);
        assert_eq!(
            slowest,
            [
                (&998, Duration::from_millis(998)),
                (&997, Duration::from_millis(997))
            ]
        );
        assert_eq!(loads.rows.len(), PLACES);
        let later = Tick::ZERO.after(Duration::from_mins(16));
        noted(&mut loads, 5_000, 1, later);
        assert_eq!(
            loads.slowest(9, later),
            [(&5_000, Duration::from_millis(1))]
        );
    }
}
