//! Keys that are asked for once: they are stored for nothing.

use super::{Level, Observed, Recommendation, part, percent};
use crate::learn::{KeyPrefix, Learned};

const KEYS_MIN: u64 = 500;
const ONCE_MIN: f64 = 0.6;
const ONCE_WARNING: f64 = 0.9;
/// A prefix is named if so many of its keys are asked for once, and it has so much of all of those.
const PREFIX_ONCE_MIN: f64 = 0.9;
const PREFIX_PART_MIN: f64 = 0.5;
/// Of the keys asked for once, as many are missed wherever a simulation says how many are missed at all.
const MISSED_MIN: f64 = 0.8;

/// Whether so many keys come back after a thousand others that more room would hit them: each that does not is
/// missed, at any capacity.
fn come_back(learned: &Learned) -> bool {
    let hits = learned.curve.iter().map(|point| point.hit_rate);
    let misses = learned.gets * (1.0 - hits.fold(0.0, f64::max));
    misses < learned.repeats.once as f64 * MISSED_MIN
}

pub(super) fn rule(seen: &Observed) -> Option<Recommendation> {
    let learned = seen.learned()?;
    let (keys, once) = (learned.repeats.keys, learned.repeats.once);
    let share = part(once, keys);
    if keys < KEYS_MIN || share < ONCE_MIN || come_back(learned) {
        return None;
    }
    let level = Level::warning_from(ONCE_WARNING, share);
    let is_named = |prefix: &&KeyPrefix| {
        let of = prefix.repeats;
        part(of.once, of.keys) >= PREFIX_ONCE_MIN && part(of.once, once) >= PREFIX_PART_MIN
    };
    let most = |prefix: &&KeyPrefix| prefix.repeats.once;
    let prefix = learned.prefixes.iter().filter(is_named).max_by_key(most);
    let which = prefix.map_or(String::new(), |prefix| {
        format!(", most of them begin with {:?}", prefix.prefix)
    });
    let title = format!(
        "{} of the keys of {} are asked for once{which}",
        percent(share),
        seen.name
    );
    let whose = prefix.map_or("them".to_owned(), |prefix| {
        format!("keys that begin with {:?}", prefix.prefix)
    });
    // Of keys asked for once, each was stored once; of others at least once too.
    let stored = prefix.map_or(once, |prefix| prefix.repeats.once);
    Some(
        seen.advice("once", level, title)
            .text(format!(
                "Do not cache {whose}: they fill memory and are not asked for again. A key counts when \
                 a thousand others have come after it."
            ))
            .seen("keys", keys as f64, "keys")
            .seen("keys_asked_for_once", once as f64, "keys")
            .predict("keys_stored", (1.0, 1.0 - part(stored, keys)), "ratio"),
    )
}
