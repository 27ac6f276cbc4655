//! Linear least squares with a slight ridge, by the normal equations. Knows no tasks.

/// Numbers that a prediction is made from, a constant 1 among them.
pub(super) const FEATURES: usize = 6;
/// Keeps the equations solvable where features hang together.
const RIDGE: f64 = 1e-6;

pub(super) type Features = [f64; FEATURES];

/// The weights that come nearest to the targets; none where the equations have no solution.
pub(super) fn fit(samples: impl Iterator<Item = (Features, f64)>) -> Option<Features> {
    let mut equations = [[0.0; FEATURES + 1]; FEATURES];
    let mut count = 0.0;
    for (features, target) in samples {
        count += 1.0;
        for (row, own) in equations.iter_mut().zip(features) {
            for (cell, other) in row.iter_mut().zip(features) {
                *cell += own * other;
            }
            row[FEATURES] += own * target;
        }
    }
    for (index, row) in equations.iter_mut().enumerate() {
        row[index] += RIDGE * count;
    }
    solve(equations)
}

pub(super) fn predict(weights: &Features, features: &Features) -> f64 {
    weights
        .iter()
        .zip(features)
        .map(|(weight, feature)| weight * feature)
        .sum()
}

/// Gaussian elimination with pivots.
fn solve(mut rows: [[f64; FEATURES + 1]; FEATURES]) -> Option<Features> {
    for column in 0..FEATURES {
        let size = |row: &usize| rows[*row][column].abs();
        let pivot = (column..FEATURES).max_by(|one, other| size(one).total_cmp(&size(other)))?;
        rows.swap(column, pivot);
        let lead = rows[column];
        if lead[column].abs() < f64::EPSILON {
            return None;
        }
        for (_, row) in rows
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| *index != column)
        {
            let factor = row[column] / lead[column];
            for (cell, other) in row.iter_mut().zip(lead) {
                *cell -= factor * other;
            }
        }
    }
    let mut weights = [0.0; FEATURES];
    for (index, weight) in weights.iter_mut().enumerate() {
        *weight = rows[index][FEATURES] / rows[index][index];
    }
    weights
        .iter()
        .all(|weight| weight.is_finite())
        .then_some(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_made_the_targets_are_found_again() {
        let weights = [0.5, -2.0, 3.0, 0.0, 1.0, 7.0];
        let mut random = fastrand::Rng::with_seed(1);
        let samples: Vec<_> = (0..200)
            .map(|_| {
                let features: Features =
                    std::array::from_fn(|at| if at == 0 { 1.0 } else { random.f64() });
                (features, predict(&weights, &features))
            })
            .collect();
        let found = fit(samples.into_iter()).unwrap();
        for (found, weight) in found.iter().zip(weights) {
            assert!((found - weight).abs() < 0.01, "{found} for {weight}");
        }
    }

    #[test]
    fn nothing_and_nonsense_are_no_model() {
        assert_eq!(fit(std::iter::empty()), None);
        let nonsense = std::iter::repeat_n(([f64::NAN; FEATURES], 1.0), 10);
        assert_eq!(fit(nonsense), None);
    }
}
