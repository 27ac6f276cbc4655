//! How long a value took to load, in a byte.
//!
//! This module must not know what is made of it.

use std::time::Duration;

/// Codes for each doubling of the duration.
const STEPS: f64 = 7.0;

/// A duration on a logarithmic scale from 1 µs to 23 hours, to within 6 %; or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost(u8);

impl Cost {
    /// Not known: nothing was loaded, or nobody timed it.
    pub(crate) const UNKNOWN: Self = Self(0);

    /// The cost nearest to `took`; what is off the scale is taken for its end.
    pub(crate) fn of(took: Duration) -> Self {
        let micros = (took.as_secs_f64() * 1e6).max(1.0);
        let code = 1.0 + (micros.log2() * STEPS).round();
        Self(code.min(255.0) as u8)
    }

    /// The duration that it stands for.
    pub(crate) fn duration(self) -> Option<Duration> {
        let steps = self.0.checked_sub(1)?;
        let micros = (f64::from(steps) / STEPS).exp2();
        Some(Duration::from_secs_f64(micros / 1e6))
    }

    pub(super) const fn code(self) -> u8 {
        self.0
    }

    pub(super) const fn from_code(code: u8) -> Self {
        Self(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_duration_on_the_scale_is_kept_to_within_6_percent(nanos in 1_000..80_000_000_000_000_u64) {
            let kept = Cost::of(Duration::from_nanos(nanos)).duration().unwrap().as_nanos() as f64;
            prop_assert!((kept / nanos as f64 - 1.0).abs() < 0.06, "{kept} for {nanos}");
        }
    }

    #[test]
    fn what_is_off_the_scale_is_taken_for_its_end_and_unknown_is_no_duration() {
        assert_eq!(
            Cost::of(Duration::ZERO).duration(),
            Some(Duration::from_micros(1))
        );
        assert_eq!(
            Cost::of(Duration::MAX),
            Cost::of(Duration::from_hours(1_000))
        );
        assert!(Cost::of(Duration::MAX).duration() > Some(Duration::from_hours(22)));
        assert_eq!(Cost::UNKNOWN.duration(), None);
        assert_eq!(Cost::UNKNOWN, Cost::default());
    }
}
