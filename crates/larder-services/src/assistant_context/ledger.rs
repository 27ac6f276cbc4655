//! Who answered, and how fast: the account of what the cache saves.
//!
//! Knows no caches and no JSON: it is told of requests and calls, and does sums.

use std::collections::VecDeque;
use std::time::Duration;

use larder::Source;
use parking_lot::Mutex;

/// Times that are remembered, to see whether they rise.
const RECENT_MAX: usize = 128;
/// With fewer, nobody can say.
const RECENT_MIN: usize = 32;
/// Times rise when the newer half's median is this many times the older half's,
const RISE: u32 = 2;
/// and longer by this: a microsecond more is nothing.
const RISE_MIN: Duration = Duration::from_millis(1);

/// What became of requests, and of the calls made for them.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Account>);

/// The sums so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Requests answered from each tier.
    pub(super) memory: u64,
    pub(super) disk: u64,
    pub(super) remote: u64,
    /// Requests that no tier answered; those that were not answered at all are among them.
    pub(super) misses: u64,
    /// Requests that were not answered.
    pub(super) unanswered: u64,
    /// Calls that brought a context, and those that did not.
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) hit_times: Recent,
    pub(super) call_times: Recent,
    hit_time: Duration,
    call_time: Duration,
}

/// The last times of something.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(VecDeque<Duration>);

impl Ledger {
    /// A request was answered with what came from there.
    pub(super) fn answered(&self, source: Source, took: Duration) {
        let mut account = self.0.lock();
        let count = match source {
            Source::Memory => &mut account.memory,
            Source::Disk => &mut account.disk,
            Source::Remote => &mut account.remote,
            // A call's own time is what a miss costs; see `called`.
            _ => return account.misses += 1,
        };
        *count += 1;
        account.hit_time += took;
        account.hit_times.push(took);
    }

    /// A request was not answered.
    pub(super) fn unanswered(&self) {
        let mut account = self.0.lock();
        account.misses += 1;
        account.unanswered += 1;
    }

    /// A call ended. How long one took that failed says nothing of what a hit saves.
    pub(super) fn called(&self, is_good: bool, took: Duration) {
        let mut account = self.0.lock();
        if !is_good {
            account.failures += 1;
            return;
        }
        account.calls += 1;
        account.call_time += took;
        account.call_times.push(took);
    }

    pub(super) fn account(&self) -> Account {
        self.0.lock().clone()
    }
}

impl Account {
    /// Requests that a tier answered.
    pub(super) const fn hits(&self) -> u64 {
        self.memory + self.disk + self.remote
    }

    pub(super) const fn requests(&self) -> u64 {
        self.hits() + self.misses
    }

    /// 0 to 100; none before the first request.
    pub(super) fn hit_percent(&self) -> Option<f64> {
        let requests = self.requests();
        (requests > 0).then(|| self.hits() as f64 * 100.0 / requests as f64)
    }

    /// Mean time of a hit; none before the first.
    pub(super) fn hit_ms(&self) -> Option<f64> {
        mean_ms(self.hit_time, self.hits())
    }

    /// Mean time of a call that brought a context, which is what a miss costs.
    pub(super) fn miss_ms(&self) -> Option<f64> {
        mean_ms(self.call_time, self.calls)
    }

    /// How many times longer a miss takes than a hit.
    pub(super) fn gain(&self) -> Option<f64> {
        let hit = self.hit_ms().filter(|hit| *hit > 0.0)?;
        Some(self.miss_ms()? / hit)
    }

    /// What one hit saves. Less than nothing where hits are the slower ones.
    pub(super) fn saved_per_hit_ms(&self) -> Option<f64> {
        Some(self.miss_ms()? - self.hit_ms()?)
    }

    /// Hits × (mean miss − mean hit).
    pub(super) fn saved_ms(&self) -> f64 {
        self.saved_per_hit_ms().unwrap_or(0.0) * self.hits() as f64
    }
}

impl Recent {
    fn push(&mut self, took: Duration) {
        if self.0.len() == RECENT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(took);
    }

    /// The medians of the older and of the newer half, if the newer times are much longer.
    pub(super) fn rise(&self) -> Option<(Duration, Duration)> {
        let times: Vec<_> = self.0.iter().copied().collect();
        if times.len() < RECENT_MIN {
            return None;
        }
        let (older, newer) = times.split_at(times.len() / 2);
        let (older, newer) = (median(older), median(newer));
        let has_risen = newer >= older * RISE && newer >= older + RISE_MIN;
        has_risen.then_some((older, newer))
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

fn mean_ms(total: Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| total.as_secs_f64() * 1_000.0 / count as f64)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const HIT: Duration = Duration::from_micros(45_200);
    const MISS: Duration = Duration::from_micros(285_600);

    /// The document's example: 42 hits of 45.2 ms, 8 misses of 285.6 ms.
    pub(in super::super) fn example() -> Account {
        let ledger = Ledger::default();
        for number in 0..42 {
            let source = [Source::Memory, Source::Remote][number % 2];
            ledger.answered(source, HIT);
        }
        for _ in 0..8 {
            ledger.called(true, MISS);
            ledger.answered(Source::Loader, MISS * 2);
        }
        ledger.account()
    }

    fn is_about(figure: Option<f64>, expected: f64) -> bool {
        figure.is_some_and(|figure| (figure - expected).abs() < 1e-6)
    }

    #[test]
    fn the_documents_example_saves_10_096_8_ms() {
        let account = example();
        assert_eq!(
            (account.hits(), account.misses, account.requests()),
            (42, 8, 50)
        );
        assert_eq!((account.memory, account.remote), (21, 21));
        assert!(is_about(account.hit_percent(), 84.0));
        assert!(is_about(account.hit_ms(), 45.2));
        assert!(
            is_about(account.miss_ms(), 285.6),
            "the RPC's time, and not the wait's"
        );
        assert!(is_about(account.saved_per_hit_ms(), 240.4));
        assert!(is_about(Some(account.saved_ms()), 10_096.8));
        assert!(is_about(account.gain(), 285.6 / 45.2));
    }

    #[test]
    fn before_there_was_anything_nothing_is_claimed() {
        let account = Ledger::default().account();
        assert_eq!(
            (account.hit_percent(), account.hit_ms(), account.miss_ms()),
            (None, None, None)
        );
        assert!(account.gain().is_none() && account.saved_ms() == 0.0);
    }

    #[test]
    fn a_call_that_failed_makes_no_miss_dearer() {
        let ledger = Ledger::default();
        ledger.called(true, MISS);
        ledger.called(false, Duration::from_secs(10));
        ledger.unanswered();
        let account = ledger.account();
        assert!(is_about(account.miss_ms(), 285.6));
        assert_eq!(
            (account.failures, account.misses, account.unanswered),
            (1, 1, 1)
        );
    }

    #[test]
    fn times_rise_when_the_newer_half_is_twice_the_older() {
        let after = |times: &[(u64, u32)]| {
            let mut recent = Recent::default();
            for (ms, count) in times {
                (0..*count).for_each(|_| recent.push(Duration::from_millis(*ms)));
            }
            recent
                .rise()
                .map(|(older, newer)| (older.as_millis(), newer.as_millis()))
        };
        assert_eq!(after(&[(10, 64), (20, 64)]), Some((10, 20)));
        assert_eq!(after(&[(10, 64), (19, 64)]), None);
        assert_eq!(after(&[(20, 64), (10, 64)]), None);
        assert_eq!(after(&[(10, 15), (90, 15)]), None, "too few to tell");
        assert_eq!(after(&[(10, 100), (900, 3)]), None, "a few that are slow");
        assert_eq!(
            after(&[(1, 1_000), (10, 64), (20, 64)]),
            Some((10, 20)),
            "the last 128"
        );
        let mut quick = Recent::default();
        (1..=128).for_each(|us| quick.push(Duration::from_micros(us)));
        assert_eq!(quick.rise(), None, "microseconds are nothing");
    }
}
