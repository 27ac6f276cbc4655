//! What a cache tells of its keys: the hottest, the largest, the slowest, what they begin with, how long
//! they live yet.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::{Cache, Inner};
use crate::clock::Tick;
use crate::key::CacheKey;
use crate::learn::{HotKey, KeyFigures, Learned, prefix_of};

/// The most rows of each list.
const ROWS_MAX: usize = 50;
/// The most entries that are looked at.
const SCANNED_MAX: u64 = 100_000;
/// The most prefixes that are told apart.
const PREFIXES_MAX: usize = 10_000;
/// Until when entries live, in seconds: the bounds of the histogram.
const BOUNDS: [u64; 7] = [1, 10, 60, 600, 3_600, 21_600, 86_400];

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// What is known of its keys: the hottest of the last minutes, the heaviest, those that took longest
    /// to load, and the entries in memory by prefix and by the time that they have left.
    ///
    /// No get. O(n) up to 100,000 entries, one shard locked at a time; where there are more, the lists of
    /// what memory holds are of those. The hottest and the slowest are empty where the builder said
    /// [`.advise(false)`](crate::Builder::advise).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// users.peek(&7);
    /// assert_eq!(users.key_figures().hottest[0].key, "7");
    /// # Ok(()) }
    /// ```
    pub fn key_figures(&self) -> KeyFigures {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let mut figures = inner.scanned(now);
        let learned = inner.with_keys_learned(|one_in, hot, slow| {
            let hottest = hot.hottest(ROWS_MAX, now).into_iter().map(|hot| HotKey {
                key: hot.key.to_text().into_owned(),
                gets_per_second: hot.gets_per_second,
                share: hot.share,
                error: hot.error,
            });
            let hottest = hottest.collect();
            let slowest = slow.slowest(ROWS_MAX, now).into_iter();
            let slowest = slowest.map(|(key, took)| (key.to_text().into_owned(), took));
            let over = Duration::try_from_secs_f64(hot.seconds()).unwrap_or_default();
            (one_in, over, hottest, slowest.collect())
        });
        if let Some(learned) = learned {
            (
                figures.one_in,
                figures.over,
                figures.hottest,
                figures.slowest,
            ) = learned;
        }
        figures
    }

    /// What was learned from the gets of sampled keys; `None` where the builder said
    /// [`.advise(false)`](crate::Builder::advise). O(1).
    ///
    /// ```
    /// # let users = larder::Cache::<u64, &str>::builder("users").advise(false).build()?;
    /// assert_eq!(users.learned(), None);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn learned(&self) -> Option<Learned> {
        self.inner.learned()
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    fn scanned(&self, now: Tick) -> KeyFigures {
        let mut scan = Scan::default();
        let is_complete = self.memory.for_each_while(|key, _, meta, weight| {
            if scan.scanned == SCANNED_MAX {
                return false;
            }
            if meta.fresh_until > now {
                let left = (meta.fresh_until < Tick::NEVER).then(|| meta.fresh_until.since(now));
                scan.add(&key.to_text(), weight, left);
            }
            true
        });
        scan.figures(is_complete)
    }
}

#[derive(Default)]
struct Scan {
    scanned: u64,
    weight: u64,
    largest: BTreeSet<(u32, String)>,
    prefixes: HashMap<String, (u64, u64)>,
    remaining: [u64; BOUNDS.len() + 1],
}

impl Scan {
    fn add(&mut self, text: &str, weight: u32, left: Option<Duration>) {
        self.scanned += 1;
        self.weight += u64::from(weight);
        let least = self.largest.first().map_or(0, |(least, _)| *least);
        if self.largest.len() < ROWS_MAX || weight > least {
            self.largest.insert((weight, text.to_string()));
            if self.largest.len() > ROWS_MAX {
                self.largest.pop_first();
            }
        }
        let prefix = prefix_of(text).unwrap_or_default();
        if let Some((entries, weights)) = self.prefixes.get_mut(prefix) {
            *entries += 1;
            *weights += u64::from(weight);
        } else if self.prefixes.len() < PREFIXES_MAX {
            let new = (1, u64::from(weight));
            self.prefixes.insert(prefix.to_owned(), new);
        }
        let bound = |left: Duration| {
            let fits = |bound: &u64| left <= Duration::from_secs(*bound);
            BOUNDS.iter().position(fits)
        };
        let at = left.and_then(bound).unwrap_or(BOUNDS.len());
        self.remaining[at] += 1;
    }

    fn figures(self, is_complete: bool) -> KeyFigures {
        let prefixes = self.prefixes.into_iter();
        let mut prefixes: Vec<_> = prefixes
            .map(|(prefix, (entries, weight))| (prefix, entries, weight))
            .collect();
        prefixes.sort_by(|(one, _, a), (other, _, b)| (Reverse(a), one).cmp(&(Reverse(b), other)));
        prefixes.truncate(ROWS_MAX);
        let bounds = BOUNDS.iter().map(|&bound| Some(Duration::from_secs(bound)));
        let largest = self.largest.into_iter().rev();
        KeyFigures {
            largest: largest.map(|(weight, key)| (key, weight)).collect(),
            prefixes,
            remaining: bounds.chain([None]).zip(self.remaining).collect(),
            scanned: self.scanned,
            scanned_weight: self.weight,
            is_complete,
            ..KeyFigures::default()
        }
    }
}
