//! Refreshing ahead, where callers wait long for values that have just expired.

use std::time::Duration;

use super::{Level, Observed, Recommendation, part, percent, with_hits};

/// What callers wait for a miss, at least, to be worth it.
const WAIT_MIN: Duration = Duration::from_millis(1);
const WAIT_WARNING: Duration = Duration::from_millis(100);
/// What refreshing ahead must spare, of all misses.
const SPARED_MIN: f64 = 0.1;
const SPARED_COUNT_MIN: u64 = 50;

pub(super) fn rule(seen: &Observed) -> Option<Recommendation> {
    let learned = seen.learned()?;
    let wait = seen.stats.miss.mean.filter(|wait| *wait >= WAIT_MIN)?;
    let spared = u64::try_from(learned.what_if.ahead).ok()?;
    let share = part(spared, learned.misses);
    let has_no_need = seen.policy.refreshes_ahead() || seen.policy.time_to_live().is_none();
    if has_no_need || share < SPARED_MIN || spared < SPARED_COUNT_MIN {
        return None;
    }
    let level = Level::warning_from(WAIT_WARNING, wait);
    let hit_rate = with_hits(learned, spared as f64);
    let millis = wait.as_secs_f64() * 1e3;
    let title = format!(
        "Callers of {} wait {millis:.0} ms for values that have just expired: refresh them ahead",
        seen.name
    );
    let advice = seen.advice("refresh_ahead", level, title).text(format!(
        "{} of the misses were of keys that had been asked for in the last fifth of the value's life. Loaded \
         anew at that get, in the background, nobody would have waited. It needs a loader with each get, and \
         the loads are as many.",
        percent(share)
    ));
    Some(
        advice
            .seen("miss_mean", millis, "ms")
            .seen("misses_expired", learned.causes.expired as f64, "misses")
            .seen("misses_spared", spared as f64, "misses")
            .change("refresh_ahead", "none".to_owned(), "0.8".to_owned())
            .predict("hit_rate", hit_rate, "ratio"),
    )
}
