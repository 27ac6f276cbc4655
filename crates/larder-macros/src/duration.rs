//! Durations as people write them: `"5m"`, `"1h30m"`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// The duration, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = |why: String| format!("ttl {text:?}: {why}; expected such as \"30s\" or \"1h30m\"");
    if text.is_empty() {
        return Err(wrong("it is empty".into()));
    }
    let (mut rest, mut millis) = (text, 0_u64);
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, |c| !c.is_ascii_digit());
        rest = after;
        if number.is_empty() {
            return Err(wrong(format!("no whole number before {unit:?}")));
        }
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(wrong(format!("{unit:?} is not a unit (ms, s, m, h, d)")));
        };
        millis = number
            .parse()
            .ok()
            .and_then(|number: u64| number.checked_mul(*scale))
            .and_then(|part| millis.checked_add(part))
            .ok_or_else(|| wrong("it is too long".into()))?;
    }
    if millis == 0 {
        return Err(wrong("zero would cache nothing".into()));
    }
    Ok(Duration::from_millis(millis))
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_with_units_add_up() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("5x", "\"x\" is not a unit"),
            ("5", "\"\" is not a unit"),
            ("m", "no whole number before \"m\""),
            ("1.5h", "\".\" is not a unit"),
            ("-1s", "no whole number before \"-\""),
            ("5 m", "\" m\" is not a unit"),
            ("", "it is empty"),
            ("0s", "zero would cache nothing"),
            ("999999999999999d", "it is too long"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.contains("expected such as"), "{error}");
        }
    }
}
