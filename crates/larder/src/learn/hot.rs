//! The keys that are asked for most: Space-Saving (Metwally and others, "Efficient computation of
//! frequent and top-k elements in data streams", ICDT 2005).
//!
//! A key that finds no place takes that of the least counted one, with its count as the error. Counts
//! are halved each minute, so that they are of the last minutes. Keys are told apart by their hash.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::clock::Tick;

/// How many keys are counted. One that has more than one in so many of the gets is among them.
const PLACES: usize = 256;
const HALVED_EACH: Duration = Duration::from_mins(1);

pub(crate) struct HotKeys<K> {
    places: HashMap<u64, usize, RandomState>,
    rows: Vec<Row<K>>,
    /// All that was counted, and in how many seconds; both are halved with the counts.
    total: u64,
    seconds: f64,
    seen_at: Tick,
    halved_at: Tick,
}

struct Row<K> {
    hash: u64,
    key: K,
    count: u64,
    error: u64,
}

/// A key with its share of all gets.
pub(crate) struct Hot<'a, K> {
    pub(crate) key: &'a K,
    pub(crate) gets_per_second: f64,
    pub(crate) share: f64,
    /// At most so much of `gets_per_second` is other keys'.
    pub(crate) error: f64,
}

impl<K> HotKeys<K> {
    pub(crate) fn new(now: Tick) -> Self {
        Self {
            places: HashMap::default(),
            rows: Vec::new(),
            total: 0,
            seconds: 0.0,
            seen_at: now,
            halved_at: now,
        }
    }

    /// Counts `gets` of a key. O(1) for a key that is counted, else O(256).
    pub(crate) fn count(&mut self, hash: u64, key: impl FnOnce() -> K, gets: u64, now: Tick) {
        self.age(now);
        self.total += gets;
        if let Some(&place) = self.places.get(&hash) {
            self.rows[place].count += gets;
            return;
        }
        let mut row = Row {
            hash,
            key: key(),
            count: gets,
            error: 0,
        };
        let place = if self.rows.len() < PLACES {
            self.rows.push(row);
            self.rows.len() - 1
        } else {
            let place = self.least();
            let former = &mut self.rows[place];
            self.places.remove(&former.hash);
            (row.count, row.error) = (former.count + gets, former.count);
            *former = row;
            place
        };
        self.places.insert(hash, place);
    }

    /// The `limit` hottest, the hottest first.
    pub(crate) fn hottest(&mut self, limit: usize, now: Tick) -> Vec<Hot<'_, K>> {
        self.age(now);
        let mut rows: Vec<&Row<K>> = self.rows.iter().filter(|row| row.count > 0).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.count - row.error));
        // A rate from less than a second would be of no use.
        let seconds = self.seconds.max(1.0);
        let hot = |row: &'_ Row<K>| {
            (
                row.count as f64 / seconds,
                row.count as f64 / self.total.max(1) as f64,
                row.error as f64 / seconds,
            )
        };
        let rows = rows.into_iter().take(limit);
        rows.map(|row| {
            let (gets_per_second, share, error) = hot(row);
            Hot {
                key: &row.key,
                gets_per_second,
                share,
                error,
            }
        })
        .collect()
    }

    /// Over how many seconds the counts are, by their weight.
    pub(crate) const fn seconds(&self) -> f64 {
        self.seconds
    }

    fn age(&mut self, now: Tick) {
        self.seconds += now.since(self.seen_at).as_secs_f64();
        self.seen_at = self.seen_at.max(now);
        let minutes = now.since(self.halved_at).as_secs() / HALVED_EACH.as_secs();
        if minutes == 0 {
            return;
        }
        self.halved_at = now;
        let shift = minutes.min(63) as u32;
        self.total >>= shift;
        self.seconds /= (1_u64 << shift) as f64;
        for row in &mut self.rows {
            row.count >>= shift;
            row.error >>= shift;
        }
    }

    fn least(&self) -> usize {
        let counts = self.rows.iter().map(|row| row.count).enumerate();
        counts.min_by_key(|&(_, count)| count).map_or(0, |(i, _)| i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(stream: impl Iterator<Item = u64>) -> HotKeys<u64> {
        let mut hot = HotKeys::new(Tick::ZERO);
        stream.for_each(|key| hot.count(key, || key, 1, Tick::ZERO));
        hot
    }

    #[test]
    fn what_has_more_than_its_part_of_the_gets_is_found_and_its_error_bounds_its_count() {
        // Key 7 has a tenth, key 8 a twentieth; all others come once.
        let others = (0..40_000_u64).map(|i| 1_000 + i);
        let stream = others.flat_map(|i| {
            let seven = (i % 9 == 0).then_some(7);
            let eight = (i % 18 == 0).then_some(8);
            [Some(i), seven, eight].into_iter().flatten()
        });
        let mut hot = counted(stream);
        let hottest = hot.hottest(2, Tick::ZERO);
        assert_eq!((*hottest[0].key, *hottest[1].key), (7, 8));
        let true_rate = f64::from(40_000 / 9);
        let Hot {
            gets_per_second,
            error,
            ..
        } = hottest[0];
        assert!(gets_per_second >= true_rate, "{gets_per_second}");
        assert!(gets_per_second - error <= true_rate + 1.0, "{error}");
    }

    #[test]
    fn few_keys_are_counted_exactly_with_rate_and_share() {
        let mut hot = counted((0..100).map(|i| u64::from(i % 4 == 0)));
        let later = Tick::ZERO.after(Duration::from_secs(10));
        let hottest = hot.hottest(10, later);
        assert_eq!(hottest.len(), 2);
        let first = &hottest[0];
        assert_eq!((*first.key, first.share, first.error), (0, 0.75, 0.0));
        assert!((first.gets_per_second - 7.5).abs() < 1e-9);
    }

    #[test]
    fn rates_and_shares_stay_what_they_are_when_counts_are_halved() {
        let mut hot = HotKeys::new(Tick::ZERO);
        for second in 0..60 {
            let now = Tick::ZERO.after(Duration::from_secs(second));
            hot.count(7, || 7, 10, now);
        }
        let later = Tick::ZERO.after(Duration::from_mins(1));
        let hottest = &hot.hottest(1, later)[0];
        assert!((hottest.gets_per_second - 10.0).abs() < 1e-9);
        assert!((hottest.share - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_newcomer_with_another_keys_count_is_not_the_hottest() {
        let mut hot = counted((0..PLACES as u64).flat_map(|key| [key; 10]));
        hot.count(1_000, || 1_000, 1, Tick::ZERO);
        assert_ne!(*hot.hottest(1, Tick::ZERO)[0].key, 1_000);
        assert_eq!(hot.rows.iter().filter(|row| row.error == 10).count(), 1);
    }

    #[test]
    fn what_was_hot_long_ago_is_not_hot_now() {
        let mut hot = counted(std::iter::repeat_n(7, 10_000));
        let later = Tick::ZERO.after(Duration::from_mins(8));
        (0..100).for_each(|_| hot.count(8, || 8, 1, later));
        assert_eq!(*hot.hottest(1, later)[0].key, 8);
        assert!(hot.rows.len() <= PLACES);
    }
}
