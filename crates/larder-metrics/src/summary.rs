//! The summary: a snapshot as aligned text for people. It reads snapshots and knows no registry.

use std::fmt::Write;
use std::time::Duration;

use crate::snapshot::{FamilySnapshot, Snapshot, Value};
use crate::{GaugeSnapshot, TimingSnapshot};

/// Shown where there is no value.
const NONE: &str = "-";

impl Snapshot {
    /// The snapshot as aligned text, a section for each kind that has series.
    ///
    /// ```text
    /// up 1 min 30 s, counted over 10.0 s
    ///
    /// timing  count  per second     mean   stddev      min      p50      p90      p95      p99     p999      max
    /// loads       1         0.1  20.0 ms     0 ns  20.0 ms  20.0 ms  20.0 ms  20.0 ms  20.0 ms  20.0 ms  20.0 ms
    ///
    /// counter              value  per second
    /// gets{tier="memory"}      3         0.3
    ///
    /// gauge     value    min  max
    /// hit_rate   0.85   0.25    1
    /// ```
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.counter("events.received")?.add(5);
    /// assert!(registry.snapshot().summary().contains("events.received      5"));
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn summary(&self) -> String {
        let mut timings = Table::new(&[
            "timing",
            "count",
            "per second",
            "mean",
            "stddev",
            "min",
            "p50",
            "p90",
            "p95",
            "p99",
            "p999",
            "max",
        ]);
        let mut counters = Table::new(&["counter", "value", "per second"]);
        let mut gauges = Table::new(&["gauge", "value", "min", "max"]);
        for family in &self.families {
            for series in &family.series {
                let name = format!("{}{}", family.name, series.tags);
                let rate = optional(self.per_second(&series.value), |rate| {
                    number((rate * 10.0).round() / 10.0)
                });
                match &series.value {
                    Value::Timing(timing) => timings.0.push(timing_row(name, rate, timing)),
                    Value::Counter(value) => counters.0.push(vec![name, value.to_string(), rate]),
                    Value::UpDownCounter(value) => {
                        counters.0.push(vec![name, value.to_string(), rate]);
                    }
                    Value::Gauge(gauge) => gauges.0.push(gauge_row(name, gauge)),
                }
            }
        }
        let mut text = format!(
            "up {}, counted over {}\n",
            long(self.uptime),
            long(self.span)
        );
        for table in [timings, counters, gauges] {
            table.write(&mut text);
        }
        self.write_limits(&mut text);
        text
    }

    fn write_limits(&self, text: &mut String) {
        let overflowed = self.families.iter().filter(|family| family.overflowed > 0);
        let mut lines: Vec<_> = overflowed
            .map(|FamilySnapshot { name, overflowed, .. }| {
                format!("{name}: full, {overflowed} look-ups were given the series tagged overflow=\"true\"\n")
            })
            .collect();
        if self.families_refused > 0 {
            lines.push(format!(
                "{} look-ups of new names were refused: the registry is full\n",
                self.families_refused
            ));
        }
        if !lines.is_empty() {
            text.push('\n');
            text.extend(lines);
        }
    }
}

fn timing_row(name: String, rate: String, timing: &TimingSnapshot) -> Vec<String> {
    let figures = [timing.mean(), timing.standard_deviation(), timing.min()];
    let quantiles = [0.5, 0.9, 0.95, 0.99, 0.999].map(|q| timing.quantile(q));
    let figures = figures.into_iter().chain(quantiles).chain([timing.max()]);
    [name, timing.count().to_string(), rate]
        .into_iter()
        .chain(figures.map(|duration| optional(duration, short)))
        .collect()
}

fn gauge_row(name: String, gauge: &GaugeSnapshot) -> Vec<String> {
    vec![
        name,
        number(gauge.value),
        optional(gauge.min, number),
        optional(gauge.max, number),
    ]
}

fn optional<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| NONE.to_owned(), show)
}

/// A head and rows; the first column flush left, the others flush right.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(|&title| title.to_owned()).collect()])
    }

    fn write(&self, text: &mut String) {
        if self.0.len() == 1 {
            return;
        }
        let width = |column: usize| {
            self.0
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.0[0].len()).map(width).collect();
        text.push('\n');
        for row in &self.0 {
            write!(text, "{:<1$}", row[0], widths[0]).expect("writing to a String succeeds");
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                write!(text, "  {cell:>width$}").expect("writing to a String succeeds");
            }
            text.push('\n');
        }
    }
}

/// A number with at most six decimals, without trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

/// A duration in three significant digits: `15.3 ms`.
fn short(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    let (value, unit) = match nanos {
        ..999.5 => return format!("{nanos} ns"),
        ..999_500.0 => (nanos / 1e3, "µs"),
        ..999_500_000.0 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// A duration in the two largest of its units: `2 h 5 min`.
fn long(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        ..60 => short(duration),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_durations_have_three_digits_in_a_fitting_unit() {
        for (nanos, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_234, "1.23 µs"),
            (999_400, "999 µs"),
            (999_900, "1.00 ms"),
            (15_300_000, "15.3 ms"),
            (2_000_000_000, "2.00 s"),
            (120_000_000_000, "120 s"),
        ] {
            assert_eq!(short(Duration::from_nanos(nanos)), expected);
        }
    }

    #[test]
    fn long_durations_have_two_units() {
        for (seconds, expected) in [
            (59, "59.0 s"),
            (90, "1 min 30 s"),
            (7_500, "2 h 5 min"),
            (180_000, "2 d 2 h"),
        ] {
            assert_eq!(long(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn numbers_have_no_trailing_zeros() {
        for (value, expected) in [
            (0.0, "0"),
            (0.85, "0.85"),
            (100.0, "100"),
            (1.0 / 3.0, "0.333333"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), expected);
        }
    }
}
