//! More capacity where the miss-ratio curve is steep, less where it is flat.

use super::{Level, Observed, Recommendation, percent};
use crate::learn::{CurvePoint, Learned};

/// What twice the capacity must bring, of all gets, to be worth a word; a warning; and more.
const GAIN_MIN: f64 = 0.02;
const GAIN_WARNING: f64 = 0.10;
const GAIN_CRITICAL: f64 = 0.25;
/// What giving capacity back may cost.
const LOSS_MAX: f64 = 0.005;
/// Nothing is gained by a smaller limit that is not reached.
const FULL_MIN: f64 = 0.5;
const EVICTIONS_MIN: u64 = 100;

/// More capacity.
pub(super) fn larger(seen: &Observed) -> Option<Recommendation> {
    let learned = seen.learned()?;
    let evicted = seen.stats.evictions.capacity;
    let own = point(learned, 1.0)?;
    let gain = |scale| {
        Some((
            point(learned, scale)?,
            point(learned, scale)?.hit_rate - own.hit_rate,
        ))
    };
    let ((twice, by_two), (more, by_four)) = (gain(2.0)?, gain(4.0)?);
    // Four times only where that brings as much again, and more.
    let (to, gain) = if by_four > by_two * 2.0 {
        (more, by_four)
    } else {
        (twice, by_two)
    };
    if gain < GAIN_MIN || evicted < EVICTIONS_MIN {
        return None;
    }
    let level = match gain {
        gain if gain >= GAIN_CRITICAL => Level::Critical,
        gain if gain >= GAIN_WARNING => Level::Warning,
        _ => Level::Info,
    };
    let hit_rate = at(learned, &own, &to);
    let title = format!(
        "{} is too small: {:.0} times the capacity would hit {} instead of {}",
        seen.name,
        to.scale,
        percent(hit_rate.1),
        percent(hit_rate.0)
    );
    let advice = seen.advice("capacity", level, title).text(format!(
        "{evicted} entries had to make room for others. A simulation of the same gets says what {} would \
         hold on to.",
        to.capacity
    ));
    Some(
        with_curve(advice, learned)
            .seen("evictions", evicted as f64, "entries")
            .change(
                "max_capacity",
                seen.capacity.to_string(),
                to.capacity.to_string(),
            )
            .predict("hit_rate", hit_rate, "ratio"),
    )
}

/// Less capacity.
pub(super) fn smaller(seen: &Observed) -> Option<Recommendation> {
    let learned = seen.learned()?;
    let own = point(learned, 1.0)?;
    let is_full = seen.weight as f64 >= seen.capacity as f64 * FULL_MIN;
    let costs = |to: &CurvePoint| own.hit_rate - to.hit_rate;
    let to = [0.25, 0.5]
        .into_iter()
        .filter_map(|scale| point(learned, scale))
        .find(|to| costs(to) <= LOSS_MAX && to.capacity < seen.weight)?;
    if !is_full {
        return None;
    }
    let hit_rate = at(learned, &own, &to);
    let title = format!(
        "{} could give memory back: at {} it would hit {}, now {}",
        seen.name,
        to.capacity,
        percent(hit_rate.1),
        percent(hit_rate.0)
    );
    let advice = seen.advice("memory", Level::Info, title);
    let advice = advice.text(format!(
        "In a simulation of the same gets at most one more in {} misses at {}: that is the price of the memory.",
        (1.0 / LOSS_MAX).round(),
        to.capacity
    ));
    Some(
        with_curve(advice, learned)
            .seen("weight", seen.weight as f64, "weight")
            .change(
                "max_capacity",
                seen.capacity.to_string(),
                to.capacity.to_string(),
            )
            .predict("hit_rate", hit_rate, "ratio")
            .predict("weight", (seen.weight as f64, to.capacity as f64), "weight"),
    )
}

/// The hit rate now and at another capacity: the cache's misses change as those of its miniature do.
fn at(learned: &Learned, own: &CurvePoint, to: &CurvePoint) -> (f64, f64) {
    let now = learned.hit_rate().unwrap_or_default();
    let (own, to) = (1.0 - own.hit_rate, 1.0 - to.hit_rate);
    let misses = if own > 0.0 {
        (1.0 - now) * to / own
    } else {
        to
    };
    (now, (1.0 - misses).clamp(0.0, 1.0))
}

fn point(learned: &Learned, scale: f64) -> Option<CurvePoint> {
    let is_it = |point: &&CurvePoint| (point.scale - scale).abs() < 1e-9;
    learned.curve.iter().find(is_it).copied()
}

fn with_curve(advice: Recommendation, learned: &Learned) -> Recommendation {
    let names = [
        (0.25, "hit_rate_at_quarter"),
        (0.5, "hit_rate_at_half"),
        (1.0, "hit_rate_at_capacity"),
        (2.0, "hit_rate_at_twice"),
        (4.0, "hit_rate_at_four_times"),
    ];
    let advice = names.into_iter().fold(advice, |advice, (scale, name)| {
        match point(learned, scale) {
            Some(point) => advice.seen(name, point.hit_rate, "ratio"),
            None => advice,
        }
    });
    advice.seen("gets_sampled", learned.gets, "gets")
}
