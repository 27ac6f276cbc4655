//! A low hit rate, in the three tiers that the services' documents have: above 80 %, 50 to 80 %, below.

use super::{Level, Observed, Recommendation, percent};

const GOOD: f64 = 0.8;
const LOW: f64 = 0.5;
const GETS_MIN: u64 = 1_000;

pub(super) fn rule(seen: &Observed) -> Option<Recommendation> {
    let gets = seen.stats.hits + seen.stats.misses;
    let rate = seen.stats.hit_rate().filter(|_| gets >= GETS_MIN)?;
    if rate > GOOD {
        return None;
    }
    let is_low = rate < LOW;
    let (level, what) = if is_low {
        (Level::Warning, "low: most gets wait for a load")
    } else {
        (Level::Info, "medium")
    };
    let title = format!(
        "{} hits {} of its gets, which is {what}",
        seen.name,
        percent(rate)
    );
    let mut text = "Other advice says what would raise it, where that is known.".to_owned();
    let causes = seen.learned().map(|learned| learned.causes);
    if let Some(causes) = causes {
        text = format!(
            "Of the misses looked at, {} were of keys that are new or long not seen, {} had expired, {} had made \
             room for others, {} were invalidated and {} have no value; of {} it is not known. {text}",
            causes.unknown,
            causes.expired,
            causes.evicted,
            causes.invalidated,
            causes.absent,
            causes.unclear
        );
    }
    let advice = seen.advice("hit_rate", level, title).text(text);
    let advice = advice
        .seen("hit_rate", rate, "ratio")
        .seen("gets", gets as f64, "gets");
    let Some(causes) = causes else {
        return Some(advice);
    };
    let counts = [
        ("misses_unknown", causes.unknown),
        ("misses_unclear", causes.unclear),
        ("misses_expired", causes.expired),
        ("misses_evicted", causes.evicted),
        ("misses_invalidated", causes.invalidated),
        ("misses_absent", causes.absent),
    ];
    let advice = counts.into_iter().fold(advice, |advice, (name, count)| {
        advice.seen(name, count as f64, "misses")
    });
    Some(advice)
}
