//! What a caller of `/v1/metrics/history` asks for, as it stands in the URL.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::{SignedDuration, Timestamp};
use larder_metrics::Query;
use serde::Deserialize;

/// Points of a series in one answer.
const POINTS_MAX: u64 = 1_000;
/// Points where the caller does not say how long each is to be.
const POINTS: u64 = 300;
/// What is kept.
const RANGE_MAX: u64 = 90 * 86_400;

pub(super) const EXPECTED: &str =
    "expected ?name=METRIC, and range=1h, step=1m, to=TIME or tags=KEY=VALUE,… if you like";

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The metric, such as `larder_cache_gets`.
    pub(super) name: String,
    /// How far back: `15m`, `1h`, `90d`. An hour if it is not given.
    range: Option<String>,
    /// The time from one point to the next, in whole seconds: `10s`, `1m`. A three-hundredth of the
    /// range if it is not given.
    step: Option<String>,
    /// The end, such as `2026-01-31T08:00:00Z`; now if it is not given.
    to: Option<String>,
    /// Tags that the series have, such as `cache=users,result=hit`.
    tags: Option<String>,
}

/// When the points begin, and how many there are.
#[derive(Debug, PartialEq)]
pub(super) struct Period {
    pub(super) from: SystemTime,
    pub(super) step: Duration,
    pub(super) points: usize,
}

impl Period {
    pub(super) fn query<'a>(&self, name: &'a str, tags: &'a [(&'a str, &'a str)]) -> Query<'a> {
        let Self { from, step, points } = *self;
        Query {
            name,
            tags,
            from,
            step,
            points,
        }
    }
}

impl Asked {
    /// The points begin at whole multiples of the step, so that those of two answers are the same.
    pub(super) fn period(&self, now: SystemTime) -> Result<Period, String> {
        let range = self.range.as_deref().unwrap_or("1h");
        let range = length("range", range, RANGE_MAX)?;
        let step = match self.step.as_deref() {
            Some(step) => length("step", step, range)?,
            None => range.div_ceil(POINTS),
        };
        let points = range.div_ceil(step);
        if points > POINTS_MAX {
            return Err(format!(
                "range and step give {points} points, expected at most {POINTS_MAX}: a step of {}s or more",
                range.div_ceil(POINTS_MAX),
            ));
        }
        let to = match self.to.as_deref() {
            Some(to) => moment(to)?,
            None => now,
        };
        let to = to.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let from = (to.div_ceil(step) * step).saturating_sub(points * step);
        Ok(Period {
            from: UNIX_EPOCH + Duration::from_secs(from),
            step: Duration::from_secs(step),
            points: points as usize,
        })
    }

    pub(super) fn tags(&self) -> Result<Vec<(&str, &str)>, String> {
        let tags = self.tags.as_deref().unwrap_or_default();
        let tags = tags.split(',').filter(|tag| !tag.is_empty());
        tags.map(|tag| {
            tag.split_once('=')
                .ok_or_else(|| format!("tags has {tag:?}, expected KEY=VALUE with commas between"))
        })
        .collect()
    }
}

/// A length of time in whole seconds.
fn length(name: &str, text: &str, most: u64) -> Result<u64, String> {
    // The library's days are no fixed length of time; here they are 24 hours.
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<u64>().ok());
    let seconds = match days {
        Some(days) => days.checked_mul(86_400),
        None => text.parse::<SignedDuration>().ok().and_then(|length| {
            let is_whole = length.subsec_nanos() == 0;
            u64::try_from(length.as_secs()).ok().filter(|_| is_whole)
        }),
    };
    let seconds = seconds.filter(|seconds| *seconds > 0);
    let seconds = seconds.ok_or_else(|| {
        format!("{name} is {text:?}, expected whole seconds such as 10s, 15m, 1h, 30d")
    })?;
    if seconds > most {
        return Err(format!("{name} is {text:?}, expected at most {most}s"));
    }
    Ok(seconds)
}

fn moment(text: &str) -> Result<SystemTime, String> {
    let time = text.parse::<Timestamp>();
    let time = time.ok().filter(|time| time.as_second() >= 0);
    time.map(SystemTime::from)
        .ok_or_else(|| format!("to is {text:?}, expected a time such as 2026-01-31T08:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: Option<&str>, step: Option<&str>, to: Option<&str>) -> Asked {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Asked {
            name: "gets".to_owned(),
            range: own(range),
            step: own(step),
            to: own(to),
            tags: None,
        }
    }

    #[test]
    fn a_period_ends_now_or_when_it_is_told_and_begins_at_a_multiple_of_its_step() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_000_003);
        for (range, step, to, from, seconds, points) in [
            (None, None, None, 996_408, 12, 300),
            (Some("10m"), Some("1s"), None, 999_403, 1, 600),
            (
                Some("1h"),
                Some("1m"),
                Some("1970-01-02T00:00:00Z"),
                82_800,
                60,
                60,
            ),
            (Some("90d"), Some("3h"), None, 0, 10_800, 720),
            (Some("100s"), Some("30s"), None, 999_900, 30, 4),
        ] {
            let period = asked(range, step, to).period(now).unwrap();
            let expected = Period {
                from: at(from),
                step: Duration::from_secs(seconds),
                points,
            };
            assert_eq!(period, expected, "{range:?} {step:?} {to:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_what_was_expected() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_003);
        for (range, step, to, expected) in [
            (
                Some("fortnight"),
                None,
                None,
                "range is \"fortnight\", expected whole seconds",
            ),
            (Some("0s"), None, None, "expected whole seconds"),
            (Some("-1h"), None, None, "expected whole seconds"),
            (
                Some("91d"),
                None,
                None,
                "range is \"91d\", expected at most 7776000s",
            ),
            (
                Some("1h"),
                Some("2h"),
                None,
                "step is \"2h\", expected at most 3600s",
            ),
            (Some("1h"), Some("1500ms"), None, "expected whole seconds"),
            (
                Some("1h"),
                Some("1s"),
                None,
                "3600 points, expected at most 1000: a step of 4s",
            ),
            (None, None, Some("noon"), "to is \"noon\", expected a time"),
            (
                Some("18446744073709551615d"),
                None,
                None,
                "expected whole seconds",
            ),
        ] {
            let said = asked(range, step, to).period(now).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn tags_are_keys_and_values() {
        let mut asked = asked(None, None, None);
        asked.tags = Some("cache=users,query=a=b,".to_owned());
        assert_eq!(asked.tags(), Ok(vec![("cache", "users"), ("query", "a=b")]));
        asked.tags = Some("cache".to_owned());
        assert!(asked.tags().is_err());
    }
}
