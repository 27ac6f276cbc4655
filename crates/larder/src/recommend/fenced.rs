//! Loads whose result was not stored, since their key was invalidated or written meanwhile.

use super::{Level, Observed, Recommendation, part, percent};

const LOADS_MIN: u64 = 100;
const FENCED_MIN: f64 = 0.1;

pub(super) fn rule(seen: &Observed) -> Option<Recommendation> {
    let (fenced, loads) = (seen.stats.fenced, seen.stats.loads);
    let share = part(fenced, loads);
    if loads < LOADS_MIN || share < FENCED_MIN {
        return None;
    }
    let title = format!(
        "{} of the loads of {} are fenced off",
        percent(share),
        seen.name
    );
    let text = "Their keys were written or invalidated while they ran, so nothing was stored. Invalidate \
                less at a time (a key or a tag, not a prefix or all), or make loads shorter.";
    let advice = seen
        .advice("fenced", Level::Warning, title)
        .text(text.to_owned());
    let millis = seen.stats.load.mean.map(|mean| mean.as_secs_f64() * 1e3);
    let advice = advice
        .seen("fenced", fenced as f64, "loads")
        .seen("loads", loads as f64, "loads")
        .seen(
            "invalidations",
            seen.stats.invalidations as f64,
            "invalidations",
        );
    Some(match millis {
        Some(millis) => advice.seen("load_mean", millis, "ms"),
        None => advice,
    })
}
