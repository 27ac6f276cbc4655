//! The points of one series at one resolution, oldest first, a limited number. It knows no names.

use std::collections::VecDeque;

/// The most figures of a point.
pub(super) const COLUMNS_MAX: usize = 5;

/// The figures of one point; NaN where there is none.
pub(super) type Row = [f32; COLUMNS_MAX];

pub(super) const NOTHING: Row = [f32::NAN; COLUMNS_MAX];

/// Points that follow one another without a hole: where nothing was recorded a row says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    /// The number of the first point's time step.
    first: u64,
    /// Row by row, `columns` of each.
    values: VecDeque<f32>,
}

impl Ring {
    pub(super) fn len(&self, columns: usize) -> usize {
        self.values.len() / columns
    }

    /// The number behind the last point's.
    pub(super) fn end(&self, columns: usize) -> u64 {
        self.first.saturating_add(self.len(columns) as u64)
    }

    /// Adds a point behind all others; one that is not behind them is left out.
    pub(super) fn push(&mut self, step: u64, row: &Row, columns: usize, capacity: usize) {
        let end = self.end(columns);
        if self.values.is_empty() || step.saturating_sub(end) >= capacity as u64 {
            self.values.clear();
            self.first = step;
        } else if step < end {
            return;
        } else {
            let missing = (step - end) as usize * columns;
            self.values.extend(std::iter::repeat_n(f32::NAN, missing));
        }
        self.values.extend(&row[..columns]);
        while self.len(columns) > capacity {
            self.values.drain(..columns);
            self.first += 1;
        }
    }

    /// Forgets the points from `step` on.
    pub(super) fn truncate(&mut self, step: u64, columns: usize) {
        let kept = step
            .saturating_sub(self.first)
            .min(self.len(columns) as u64);
        self.values.truncate(kept as usize * columns);
    }

    /// The point of `step`, if something was recorded then.
    pub(super) fn get(&self, step: u64, columns: usize) -> Option<Row> {
        let place = step.checked_sub(self.first)?;
        if place >= self.len(columns) as u64 {
            return None;
        }
        let begin = place as usize * columns;
        let mut row = NOTHING;
        for (value, column) in row[..columns].iter_mut().zip(begin..) {
            *value = self.values[column];
        }
        (!row[0].is_nan()).then_some(row)
    }

    /// The points in which something was recorded, with the numbers of their steps.
    pub(super) fn iter(&self, columns: usize) -> impl Iterator<Item = (u64, Row)> {
        (self.first..self.end(columns))
            .filter_map(move |step| Some((step, self.get(step, columns)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f32) -> Row {
        let mut row = NOTHING;
        (row[0], row[1]) = (value, -value);
        row
    }

    fn held(ring: &Ring) -> Vec<(u64, f32)> {
        ring.iter(2).map(|(step, row)| (step, row[0])).collect()
    }

    #[test]
    fn a_full_ring_forgets_the_oldest_and_keeps_holes() {
        let mut ring = Ring::default();
        for step in [10, 11, 14, 15] {
            ring.push(step, &row(step as f32), 2, 4);
        }
        assert_eq!(held(&ring), [(14, 14.0), (15, 15.0)]);
        assert_eq!((ring.len(2), ring.end(2)), (4, 16));
        assert_eq!(ring.get(13, 2), None, "a hole");
        assert_eq!(ring.get(15, 2).map(|row| row[1]), Some(-15.0));
        ring.push(12, &row(0.0), 2, 4);
        assert_eq!(held(&ring), [(14, 14.0), (15, 15.0)], "it came too late");
    }

    #[test]
    fn a_hole_longer_than_the_ring_takes_no_memory() {
        let mut ring = Ring::default();
        ring.push(1, &row(1.0), 2, 4);
        ring.push(u64::MAX - 1, &row(2.0), 2, 4);
        assert_eq!(held(&ring), [(u64::MAX - 1, 2.0)]);
        assert_eq!(ring.len(2), 1);
    }

    #[test]
    fn what_lies_ahead_can_be_forgotten() {
        let mut ring = Ring::default();
        (5..9).for_each(|step| ring.push(step, &row(1.0), 2, 10));
        ring.truncate(7, 2);
        assert_eq!(held(&ring), [(5, 1.0), (6, 1.0)]);
        ring.truncate(2, 2);
        assert_eq!(ring.len(2), 0);
    }
}
