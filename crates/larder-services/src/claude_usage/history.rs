//! What the ring keeps of each snapshot, and how a window of it is thinned out.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use larder::Sample;
use larder_http::RequestFigures;
use serde::Serialize;

use super::report::Report;

/// The most points that an answer holds.
pub(super) const POINTS_MAX: usize = 1_000;

/// The figures of one moment; about 100 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Point {
    cost_usd: f64,
    messages: u64,
    input_tokens: u64,
    output_tokens: u64,
    cache_creation_tokens: u64,
    cache_read_tokens: u64,
    total_requests: u64,
    successful_requests: u64,
    failed_requests: u64,
    avg_response_time_ms: f64,
    uptime_seconds: f64,
    port: u16,
}

/// A point with its time, as it is sent.
#[derive(Serialize)]
pub(super) struct TimedPoint {
    timestamp: Option<String>,
    #[serde(flatten)]
    point: Point,
}

impl Point {
    pub(super) fn of(
        report: &Report,
        requests: &RequestFigures,
        uptime: Duration,
        port: u16,
    ) -> Self {
        let totals = report.totals();
        Self {
            cost_usd: totals.cost.usd(),
            messages: totals.messages,
            input_tokens: totals.tokens.input,
            output_tokens: totals.tokens.output,
            cache_creation_tokens: totals.tokens.cache_creation,
            cache_read_tokens: totals.tokens.cache_read,
            total_requests: requests.total,
            successful_requests: requests.successful,
            failed_requests: requests.failed,
            avg_response_time_ms: requests.avg_response_time_ms,
            uptime_seconds: uptime.as_secs_f64(),
            port,
        }
    }
}

impl From<&Sample<Point>> for TimedPoint {
    fn from(sample: &Sample<Point>) -> Self {
        let timestamp = Timestamp::try_from(sample.timestamp)
            .ok()
            .map(|time| time.to_string());
        Self {
            timestamp,
            point: sample.value,
        }
    }
}

/// At most `most` of the samples: the first, the last, and those spread evenly between. All
/// figures are running totals, so that one of many stands for those before it.
pub(super) fn thin_out<S>(samples: &[S], most: usize) -> impl Iterator<Item = &S> {
    let (count, kept) = (samples.len(), samples.len().min(most));
    (0..kept).map(move |i| {
        &samples[if kept < 2 {
            count - 1
        } else {
            i * (count - 1) / (kept - 1)
        }]
    })
}

/// The window that a request asks for, both ends included.
pub(super) fn window(
    now: Timestamp,
    range: Option<&str>,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(SystemTime, SystemTime), String> {
    let to = to.map(|text| moment("to", text)).transpose()?;
    let from = match (range, from) {
        (Some(_), Some(_)) => return Err("range and from exclude each other: give one".into()),
        (_, Some(text)) => moment("from", text)?,
        (range, None) => to
            .unwrap_or(now)
            .saturating_sub(length(range.unwrap_or("1h"))?)
            .map_err(|error| error.to_string())?,
    };
    let to = to.unwrap_or(now);
    if from > to {
        return Err(format!(
            "the window ends before it begins: from {from} to {to}"
        ));
    }
    Ok((from.into(), to.into()))
}

fn moment(name: &str, text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| format!("{name} is {text:?}, expected a time such as 2026-01-31T08:00:00Z"))
}

fn length(text: &str) -> Result<SignedDuration, String> {
    let length = text
        .parse::<SignedDuration>()
        .ok()
        .filter(SignedDuration::is_positive);
    length.ok_or_else(|| {
        format!("range is {text:?}, expected a length of time such as 30s, 15m, 1h, 1h 30m")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hours_of_history_take_less_than_a_megabyte() {
        assert!(3_600 * size_of::<Sample<Point>>() < 1_000_000);
    }

    #[test]
    fn thinning_keeps_both_ends_and_spreads_the_rest() {
        let thinned = |count: usize, most| {
            thin_out(&(0..count).collect::<Vec<_>>(), most)
                .copied()
                .collect::<Vec<_>>()
        };
        assert_eq!(thinned(0, 3), [0; 0]);
        assert_eq!(thinned(3, 3), [0, 1, 2]);
        assert_eq!(thinned(101, 3), [0, 50, 100]);
        assert_eq!(thinned(5, 1), [4]);
        assert_eq!(thinned(3_600, POINTS_MAX).len(), POINTS_MAX);
        assert_eq!(thinned(3_600, POINTS_MAX).last(), Some(&3_599));
    }

    #[test]
    fn a_window_is_a_range_that_ends_now_or_lies_between_two_times() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        let ends = |range, from, to| {
            let (from, to) = window(now, range, from, to)?;
            let text = |time| Timestamp::try_from(time).unwrap().to_string();
            Ok::<_, String>((text(from), text(to)))
        };
        let expected = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
        assert_eq!(
            ends(None, None, None),
            expected("2026-05-01T11:00:00Z", "2026-05-01T12:00:00Z")
        );
        assert_eq!(
            ends(Some("90m"), None, None),
            expected("2026-05-01T10:30:00Z", "2026-05-01T12:00:00Z")
        );
        let (from, to) = ("2026-05-01T00:00:00Z", "2026-05-01T01:00:00Z");
        assert_eq!(ends(None, Some(from), Some(to)), expected(from, to));
        for (range, from, to) in [
            (Some("fortnight"), None, None),
            (Some("-1h"), None, None),
            (Some("0s"), None, None),
            (Some("1h"), Some(from), None),
            (None, Some("yesterday"), None),
            (None, Some(to), Some(from)),
        ] {
            assert!(ends(range, from, to).is_err(), "{range:?} {from:?} {to:?}");
        }
    }
}
