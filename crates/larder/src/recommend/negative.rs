//! Remembering that keys have no value, where they are loaded again and again.

use super::{Level, Observed, Recommendation, part, percent, with_hits};

/// What it must spare, of all misses.
const SPARED_MIN: f64 = 0.05;
const SPARED_WARNING: f64 = 0.3;
const SPARED_COUNT_MIN: u64 = 50;

pub(super) fn rule(seen: &Observed) -> Option<Recommendation> {
    let learned = seen.learned()?;
    let spared = u64::try_from(learned.what_if.negative).ok()?;
    let share = part(spared, learned.misses);
    if seen.policy.remembers_absences() || share < SPARED_MIN || spared < SPARED_COUNT_MIN {
        return None;
    }
    let level = Level::warning_from(SPARED_WARNING, share);
    let hit_rate = with_hits(learned, spared as f64);
    let title = format!(
        "{} asks the origin again for keys that have no value: {} of its misses",
        seen.name,
        percent(share)
    );
    let text = "A load had said so no more than 30 s before. Remembered for so long, those gets would have \
                been answered at once; a key that gets a value at the origin meanwhile is found later, unless \
                it is invalidated.";
    Some(
        seen.advice("negative", level, title)
            .text(text.to_owned())
            .seen("misses_absent", learned.causes.absent as f64, "misses")
            .seen("misses_spared", spared as f64, "misses")
            .change("negative_ttl", "0s".to_owned(), "30s".to_owned())
            .predict("hit_rate", hit_rate, "ratio"),
    )
}
