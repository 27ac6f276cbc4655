//! The cost of the last hour in equal slices, from the history's snapshots.
//!
//! It must not draw.

use crate::client::Point;

const HOUR_MS: i64 = 3_600_000;

/// What was spent in each slice of the hour that ends with the last snapshot,
/// the oldest first; `None` where there is no snapshot to tell it from.
pub(super) fn slices(points: &[Point], count: usize) -> Vec<Option<f64>> {
    let mut slices = vec![None; count];
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return slices;
    };
    let end_ms = last.timestamp.as_millisecond();
    let slice_of = |point: &Point| {
        let into_hour_ms = point.timestamp.as_millisecond() - (end_ms - HOUR_MS);
        let into_hour_ms = u64::try_from(into_hour_ms).ok()?;
        let slice = into_hour_ms * count as u64 / HOUR_MS.unsigned_abs();
        Some((slice as usize).min(count.saturating_sub(1)))
    };
    if let Some(known_from) = slices.get_mut(slice_of(first).unwrap_or(0)..) {
        known_from.fill(Some(0.0));
    }
    for pair in points.windows(2) {
        let Some(slice) = slice_of(&pair[1]).and_then(|slice| slices.get_mut(slice)) else {
            continue;
        };
        // Prices can change between two runs of the daemon; a fall is no income.
        let spent = (pair[1].cost_usd - pair[0].cost_usd).max(0.0);
        *slice = Some(slice.unwrap_or(0.0) + spent);
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Requests;

    fn point(minute: i64, cost_usd: f64) -> Point {
        Point {
            timestamp: jiff::Timestamp::from_second(minute * 60).expect("in range"),
            cost_usd,
            requests: Requests::default(),
        }
    }

    #[test]
    fn what_is_spent_falls_into_its_slice() {
        let points = [
            point(0, 5.0),
            point(15, 6.0),
            point(16, 6.5),
            point(60, 9.5),
        ];
        let spent: Vec<_> = slices(&points, 4).into_iter().flatten().collect();
        assert_eq!(spent, [0.0, 1.5, 0.0, 3.0]);
    }

    #[test]
    fn slices_before_the_first_snapshot_are_unknown_not_zero() {
        let points = [point(45, 5.0), point(60, 5.0)];
        assert_eq!(slices(&points, 4), [None, None, None, Some(0.0)]);
    }

    #[test]
    fn a_fall_of_the_total_counts_as_nothing_spent() {
        let points = [point(0, 5.0), point(60, 1.0)];
        assert_eq!(slices(&points, 1), [Some(0.0)]);
    }

    #[test]
    fn no_snapshot_or_no_room_is_no_panic() {
        assert_eq!(slices(&[], 2), [None, None]);
        assert!(slices(&[point(0, 1.0), point(1, 2.0)], 0).is_empty());
    }
}
