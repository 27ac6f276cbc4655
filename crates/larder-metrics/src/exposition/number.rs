//! Numbers as both formats write them.

use std::num::FpCategory;

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Whole(u64),
    /// Any number.
    Real(f64),
    /// Nanoseconds, written as seconds.
    Nanos(u128),
}

impl Number {
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Whole(value) => whole(out, value),
            Self::Real(value) => real(out, value),
            Self::Nanos(value) => seconds(out, value),
        }
    }
}

impl Number {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
            Self::Nanos(value) => value as f64 / 1e9,
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<std::time::Duration> for Number {
    fn from(value: std::time::Duration) -> Self {
        Self::Nanos(value.as_nanos())
    }
}

pub(super) fn whole(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(super) fn integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Whole numbers are the most frequent, and quicker to write.
pub(super) fn real(out: &mut Vec<u8>, value: f64) {
    /// All whole numbers up to this are told apart.
    const EXACT: f64 = (1_u64 << 53) as f64;
    match value.classify() {
        FpCategory::Nan => out.extend_from_slice(b"NaN"),
        FpCategory::Infinite if value > 0.0 => out.extend_from_slice(b"+Inf"),
        FpCategory::Infinite => out.extend_from_slice(b"-Inf"),
        _ if value.fract() == 0.0 && value.abs() < EXACT => {
            out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
        }
        _ => out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes()),
    }
}

/// Nanoseconds as seconds, to the last digit.
pub(super) fn seconds(out: &mut Vec<u8>, nanos: u128) {
    const NANOS: u128 = 1_000_000_000;
    out.extend_from_slice(itoa::Buffer::new().format(nanos / NANOS).as_bytes());
    let rest = (nanos % NANOS) as u64;
    if rest > 0 {
        // The leading one keeps the zeros behind it, and becomes the point.
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(rest + NANOS as u64);
        out.push(b'.');
        out.extend_from_slice(digits[1..].trim_end_matches('0').as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: impl Into<Number>) -> String {
        let mut out = Vec::new();
        number.into().write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_go_reads_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-3.0, "-3"),
            (0.85, "0.85"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(value), expected);
        }
        for value in [1.0 / 3.0, 1e300, -2.5e-17, (1_u64 << 60) as f64] {
            let read: f64 = written(value).parse().unwrap();
            assert_eq!(read.to_bits(), value.to_bits());
        }
        assert_eq!(written(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn nanoseconds_are_exact_as_seconds() {
        for (nanos, expected) in [
            (0, "0"),
            (1, "0.000000001"),
            (20_000_000, "0.02"),
            (3_000_000_000, "3"),
            (1_234_567_890_123, "1234.567890123"),
        ] {
            assert_eq!(written(Number::Nanos(nanos)), expected);
        }
    }
}
