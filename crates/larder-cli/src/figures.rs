//! Numbers and foreign text as people read them.
//!
//! It must not know what a number measures beyond its unit.

use std::fmt::Write as _;
use std::time::Duration;

/// A whole number with commas: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// A number to three digits or so: `987`, `12.3K`, `1.23B`.
pub(crate) fn short(number: u64) -> String {
    scaled(number as f64, 1_000.0, &["", "K", "M", "B", "T", "P"])
}

/// Dollars: `$1,234.56`; small amounts keep two digits that count.
pub(crate) fn money(dollars: f64) -> String {
    if dollars != 0.0 && dollars.abs() < 0.01 {
        return format!("${dollars:.5}");
    }
    let text = format!("{:.2}", dollars.abs());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let sign = if dollars < 0.0 { "-" } else { "" };
    format!("{sign}${}.{cents}", grouped(whole))
}

/// Bytes in powers of 1,024: `1.5 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    scaled(
        number as f64,
        1_024.0,
        &[" B", " KiB", " MiB", " GiB", " TiB"],
    )
}

/// A fraction as per cent: `97.3%`, or a dash when there is none.
pub(crate) fn percent(fraction: Option<f64>) -> String {
    fraction.map_or_else(dash, |fraction| format!("{:.1}%", fraction * 100.0))
}

/// Nanoseconds: `85ns`, `1.2µs`, `3.4ms`, `1.2s`.
fn nanoseconds(ns: f64) -> String {
    scaled_with(
        ns,
        &[
            ("ns", 1_000.0),
            ("µs", 1_000.0),
            ("ms", 1_000.0),
            ("s", f64::INFINITY),
        ],
    )
}

/// Nanoseconds, or a dash when nothing was timed.
pub(crate) fn latency(ns: Option<f64>) -> String {
    ns.map_or_else(dash, nanoseconds)
}

/// How many a second, to three digits or so: `0`, `0.35`, `12.3`, `1.23K`; a dash when it is unknown.
pub(crate) fn rate(per_second: Option<f64>) -> String {
    let Some(rate) = per_second.filter(|rate| rate.is_finite()) else {
        return dash();
    };
    match rate.abs() {
        0.0 => "0".to_owned(),
        ..0.01 => "<0.01".to_owned(),
        ..9.995 => format!("{rate:.2}"),
        ..99.95 => format!("{rate:.1}"),
        _ => short(rate.max(0.0).round() as u64),
    }
}

/// A ratio: `6.33x`, `63.3x`, `633x`.
pub(crate) fn times(ratio: f64) -> String {
    let digits = match ratio {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{ratio:.digits$}x")
}

fn dash() -> String {
    "–".to_owned()
}

/// An age or an uptime: `0.4s`, `12s`, `3m 20s`, `5h 12m`, `3d 4h`.
pub(crate) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", age.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A span that came as a floating-point number of milliseconds.
pub(crate) fn from_ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default()
}

/// Foreign text without control characters, which could drive the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_unprintable(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Foreign text of lines for a terminal: what could drive it, or turn the direction of what follows, is shown
/// as JSON escapes it, so that what is JSON stays so.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unprintable(c) && !matches!(c, '\n' | '\t') {
            // Writing to a text does not fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// C0, DEL and C1; and what turns the direction of text.
fn is_unprintable(c: char) -> bool {
    let turns_direction = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c.is_control() || turns_direction
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn scaled(number: f64, step: f64, units: &[&str]) -> String {
    let steps: Vec<_> = units
        .iter()
        .enumerate()
        .map(|(index, unit)| {
            (
                *unit,
                if index + 1 < units.len() {
                    step
                } else {
                    f64::INFINITY
                },
            )
        })
        .collect();
    scaled_with(number, &steps)
}

/// The number in the first unit that it is not too large for; three digits or
/// so, and none behind the point in the first unit.
fn scaled_with(number: f64, units: &[(&str, f64)]) -> String {
    let mut rest = number;
    for (index, (unit, next)) in units.iter().enumerate() {
        let digits = match rest {
            _ if index == 0 => 0,
            ..10.0 => 2,
            ..100.0 => 1,
            _ => 0,
        };
        let text = format!("{rest:.digits$}");
        if text.parse::<f64>().is_ok_and(|shown| shown < *next) {
            return text + unit;
        }
        rest /= next;
    }
    format!("{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_about_three_digits() {
        assert_eq!(short(0), "0");
        assert_eq!(short(999), "999");
        assert_eq!(short(1_234), "1.23K");
        assert_eq!(short(999_999), "1.00M");
        assert_eq!(short(1_234_567_890), "1.23B");
        assert_eq!(bytes(1_536), "1.50 KiB");
        assert_eq!(nanoseconds(85.4), "85ns");
        assert_eq!(nanoseconds(1_234.0), "1.23µs");
        assert_eq!(nanoseconds(240_400_000.0), "240ms");
        assert_eq!(nanoseconds(7.2e12), "7200s");
    }

    #[test]
    fn rare_events_are_not_rounded_away() {
        let rates = [0.0, 0.001, 0.354, 9.999, 12.34, 99.99, 1_234.0].map(|n| rate(Some(n)));
        assert_eq!(
            rates,
            ["0", "<0.01", "0.35", "10.0", "12.3", "100", "1.23K"]
        );
        assert_eq!(rate(None), "–");
    }

    #[test]
    fn ratios_keep_about_three_digits() {
        assert_eq!([6.333, 63.33, 633.3].map(times), ["6.33x", "63.3x", "633x"]);
    }

    #[test]
    fn money_has_cents_and_small_sums_are_not_rounded_away() {
        assert_eq!(money(0.0), "$0.00");
        assert_eq!(money(0.001_23), "$0.00123");
        assert_eq!(money(1_234_567.891), "$1,234,567.89");
    }

    #[test]
    fn ages_name_two_units() {
        assert_eq!(age(Duration::from_millis(420)), "0.4s");
        assert_eq!(age(Duration::from_secs(200)), "3m 20s");
        assert_eq!(age(Duration::from_secs(100_000)), "1d 3h");
        assert_eq!(from_ms(f64::NAN), Duration::ZERO);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[2Jb\nc\u{202e}"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}"
        );
        assert_eq!(printable("naïve 日本"), "naïve 日本");
    }

    #[test]
    fn what_could_drive_a_terminal_is_shown_escaped_and_lines_stay_lines() {
        assert_eq!(
            escaped("a\tb\n\u{1b}]0;t\u{7}\r\u{9b}2J\u{7f}\u{202e}\u{200f}é"),
            "a\tb\n\\u001b]0;t\\u0007\\u000d\\u009b2J\\u007f\\u202e\\u200fé"
        );
    }
}
