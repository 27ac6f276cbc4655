//! No more loads than an origin bears, for a while after the link has come back: a store that lost its
//! values, or that was out of reach for long, sends all that is asked for to the origin.

use std::time::Duration;

use parking_lot::Mutex;

use super::super::Inner;
use crate::clock::Tick;
use crate::error::Error;
use crate::key::CacheKey;

/// How long loads are paced after the link has come back.
const PACED_FOR: Duration = Duration::from_secs(30);

/// When loads may begin.
#[derive(Default)]
pub(super) struct Pace(Mutex<Turns>);

#[derive(Default)]
struct Turns {
    /// Whether the link stood before.
    has_stood: bool,
    /// Loads are paced until then.
    until: Tick,
    /// When the next one may begin, in microseconds of ticks.
    next_us: u64,
}

impl Pace {
    /// The link stands, and may be used.
    pub(super) fn opened(&self, now: Tick) {
        let mut turns = self.0.lock();
        if std::mem::replace(&mut turns.has_stood, true) {
            turns.until = now.after(PACED_FOR);
        }
    }

    /// How long a load of so many keys has to wait; `None` if it could not begin `within` that time, and has
    /// no turn.
    fn turn(&self, per_second: u32, loads: u64, now: Tick, within: Duration) -> Option<Duration> {
        let mut turns = self.0.lock();
        let now_us = now.as_millis() * 1_000;
        if now >= turns.until && turns.next_us <= now_us {
            return Some(Duration::ZERO);
        }
        let at = turns.next_us.max(now_us);
        let wait = Duration::from_micros(at - now_us);
        if wait >= within {
            return None;
        }
        turns.next_us = at.saturating_add(loads * 1_000_000 / u64::from(per_second));
        Some(wait)
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Waits for the turn of a load of so many keys, where loads are paced.
    ///
    /// # Errors
    /// [`Error::Paced`], at once, if its turn would come after its callers have gone.
    pub(in super::super) async fn paced(&self, loads: u64) -> Result<(), Error> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        let Some(per_second) = shared.sharing.loads_per_second else {
            return Ok(());
        };
        let within = self.policy.wait_limit(false);
        let turn = shared
            .pace
            .turn(per_second, loads, self.clock.now(), within);
        let wait = turn.ok_or(Error::Paced { per_second })?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_follow_each_other_at_the_rate_until_the_time_and_what_waits_are_over() {
        let second = Duration::from_secs(1);
        let turn =
            |pace: &Pace, loads, now: u64| pace.turn(4, loads, Tick::from_millis(now), second);
        let (pace, zero) = (Pace::default(), Some(Duration::ZERO));
        pace.opened(Tick::ZERO);
        for _ in 0..100 {
            assert_eq!(turn(&pace, 1, 1_000), zero, "it is the first time");
        }
        pace.opened(Tick::from_millis(1_000));
        let quarters = |count: u32| Some(second / 4 * count);
        assert_eq!(turn(&pace, 1, 1_000), zero);
        assert_eq!(turn(&pace, 2, 1_000), quarters(1));
        assert_eq!(turn(&pace, 1, 1_000), quarters(3));
        assert_eq!(turn(&pace, 1, 1_000), None);
        assert_eq!(turn(&pace, 1, 1_250), quarters(3));
        assert_eq!(turn(&pace, 400, 20_000), zero);
        assert_eq!(
            turn(&pace, 1, 119_500),
            quarters(2),
            "what waits is not overtaken"
        );
        assert_eq!(turn(&pace, 400, 130_000), zero);
        assert_eq!(turn(&pace, 400, 130_000), zero);
    }
}
