//! Spans of time as people write them: `250ms`, `2s`, `5m`, `1h`.
//!
//! It must not know which key a span belongs to or what limits it has.

use std::time::Duration;

const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a whole number and its unit, with nothing between or with blanks.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    let ms = number.parse::<u64>().ok()?.checked_mul(*unit_ms)?;
    Some(Duration::from_millis(ms))
}

/// The span in the largest unit that leaves a whole number; fractions of a
/// millisecond are dropped.
pub(crate) fn show(span: Duration) -> String {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    UNITS
        .iter()
        .find(|(_, unit_ms)| ms >= *unit_ms && ms.is_multiple_of(*unit_ms))
        .map_or_else(
            || "0ms".to_owned(),
            |(unit, unit_ms)| format!("{}{unit}", ms / unit_ms),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        for (text, ms) in [
            ("250ms", 250),
            ("2s", 2_000),
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)));
            assert_eq!(show(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_no_duration() {
        for text in [
            "2",
            "",
            "s",
            "-2s",
            "2.5s",
            "2 parsecs",
            "99999999999999999999s",
            "5000000000000000000h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
