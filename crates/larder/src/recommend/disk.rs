//! Values that did not reach the disk tier.

use super::{Level, Observed, Recommendation, part, percent};

const WRITES_MIN: u64 = 100;
const DROPPED_MIN: f64 = 0.01;
const DROPPED_WARNING: f64 = 0.1;

pub(super) fn rule(seen: &Observed) -> Option<Recommendation> {
    let disk = seen.stats.disk.as_ref()?;
    let writes = disk.puts + disk.put_drops;
    let share = part(disk.put_drops, writes);
    if let Some(reason) = &disk.degraded {
        let title = format!(
            "The disk tier of {} has switched itself off: {reason}",
            seen.name
        );
        let text =
            "Values are in memory alone, and gone with the process. Mend the disk and restart.";
        let advice = seen
            .advice("disk", Level::Critical, title)
            .text(text.to_owned());
        return Some(advice.seen("not_written", disk.put_drops as f64, "values"));
    }
    if writes < WRITES_MIN || share < DROPPED_MIN {
        return None;
    }
    let level = Level::warning_from(DROPPED_WARNING, share);
    let title = format!(
        "{} of the values of {} do not reach its disk",
        percent(share),
        seen.name
    );
    let text = "Its queue was full, or they are too large or cannot be encoded; the log says which. After a \
                restart they are loaded again. A faster disk, or fewer short-lived values in the cache, \
                helps with the first.";
    Some(
        seen.advice("disk", level, title)
            .text(text.to_owned())
            .seen("not_written", disk.put_drops as f64, "values")
            .seen("written", disk.puts as f64, "values")
            .seen("waiting", disk.waiting as f64, "values"),
    )
}
