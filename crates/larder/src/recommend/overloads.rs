//! Gets that were refused because too many loads were running.

use super::{Level, Observed, Recommendation, part, percent};

const OVERLOADS_MIN: u64 = 10;
const CRITICAL: f64 = 0.01;

pub(super) fn rule(seen: &Observed) -> Option<Recommendation> {
    let (overloads, misses) = (seen.stats.overloads, seen.stats.misses);
    if overloads < OVERLOADS_MIN {
        return None;
    }
    let share = part(overloads, misses);
    let level = if share >= CRITICAL {
        Level::Critical
    } else {
        Level::Warning
    };
    let title = format!(
        "{} refuses {} of its misses: too many loads run",
        seen.name,
        percent(share)
    );
    let text = "The origin is slower than it is asked. Raise `max_loads` if it can take more; else serve \
                stale values meanwhile (`stale_while_revalidate`), or ask for less.";
    let advice = seen.advice("overloads", level, title).text(text.to_owned());
    let advice =
        advice
            .seen("overloads", overloads as f64, "gets")
            .seen("misses", misses as f64, "gets");
    let millis = seen.stats.load.p99.map(|p99| p99.as_secs_f64() * 1e3);
    Some(match millis {
        Some(millis) => advice.seen("load_p99", millis, "ms"),
        None => advice,
    })
}
