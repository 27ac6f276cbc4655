//! A longer time to live where reloads bring what was there, a shorter one where they bring changes.

use super::{Level, Observed, Recommendation, part, percent, with_hits, words};
use crate::learn::Learned;

/// Reloads of which it is known what they brought.
const RELOADS_MIN: u64 = 50;
const UNCHANGED_MIN: f64 = 0.9;
const CHANGED_MIN: f64 = 0.5;
/// What twice the life must spare, of all misses.
const SPARED_MIN: f64 = 0.1;
/// Above, it is a warning.
const SPARED_WARNING: f64 = 0.3;

/// A longer life.
pub(super) fn longer(seen: &Observed) -> Option<Recommendation> {
    let (learned, ttl) = (seen.learned()?, seen.policy.time_to_live()?);
    let (known, unchanged) = known(learned)?;
    let spared = u64::try_from(learned.what_if.longer).ok()?;
    let share = part(spared, learned.misses);
    if unchanged < UNCHANGED_MIN || share < SPARED_MIN {
        return None;
    }
    let level = Level::warning_from(SPARED_WARNING, share);
    let hit_rate = with_hits(learned, spared as f64);
    let title = format!(
        "{} reloads what has not changed: with a life of {} it would hit {} instead of {}",
        seen.name,
        words(ttl * 2),
        percent(hit_rate.1),
        percent(hit_rate.0)
    );
    let near = learned.ages[8..].iter().sum::<u64>();
    let advice = seen.advice("ttl_longer", level, title).text(format!(
        "{} of {known} reloads brought the value that was there before. Values would be served at twice \
         the age.",
        percent(unchanged)
    ));
    Some(
        with_reloads(advice, learned)
            .seen("misses_expired", learned.causes.expired as f64, "misses")
            .seen("misses_spared", spared as f64, "misses")
            .seen(
                "hits_in_last_fifth_of_life",
                part(near, learned.ages.iter().sum()),
                "ratio",
            )
            .change("ttl", words(ttl), words(ttl * 2))
            .predict("hit_rate", hit_rate, "ratio"),
    )
}

/// A shorter life.
pub(super) fn shorter(seen: &Observed) -> Option<Recommendation> {
    let (learned, ttl) = (seen.learned()?, seen.policy.time_to_live()?);
    let (known, unchanged) = known(learned)?;
    let changed = 1.0 - unchanged;
    if changed < CHANGED_MIN {
        return None;
    }
    let old: u64 = learned.ages[5..].iter().sum();
    let hit_rate = with_hits(learned, -(learned.what_if.shorter.max(0) as f64));
    let title = format!(
        "{} serves old values: {} of its reloads bring another one",
        seen.name,
        percent(changed)
    );
    let advice = seen.advice("ttl_shorter", Level::Info, title).text(format!(
        "Of {known} reloads {} found that the value had changed meanwhile, so much of what was served before \
         was old. Invalidate when the origin changes; or let values live half as long, which costs hits.",
        percent(changed)
    ));
    Some(
        with_reloads(advice, learned)
            .seen(
                "hits_in_second_half_of_life",
                part(old, learned.ages.iter().sum()),
                "ratio",
            )
            .seen("stale_served", seen.stats.stale_served as f64, "gets")
            .change("ttl", words(ttl), words(ttl / 2))
            .predict("hit_rate", hit_rate, "ratio"),
    )
}

/// How many reloads told what they brought, if they are enough, and the share of them that brought
/// nothing new.
fn known(learned: &Learned) -> Option<(u64, f64)> {
    let known = learned.reloads.unchanged + learned.reloads.changed;
    (known >= RELOADS_MIN).then(|| (known, part(learned.reloads.unchanged, known)))
}

fn with_reloads(advice: Recommendation, learned: &Learned) -> Recommendation {
    let reloads = learned.reloads;
    advice
        .seen("reloads_unchanged", reloads.unchanged as f64, "loads")
        .seen("reloads_changed", reloads.changed as f64, "loads")
        .seen("reloads_unknown", reloads.unknown as f64, "loads")
}
