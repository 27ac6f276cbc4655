//! What was measured, as it is kept in JSON: everything that the other forms show, and what comparing
//! needs. It must not know how it is shown.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::load::Measured;
use super::machine::Machine;
use super::statistics::{self, Estimate};
use super::tally::Tally;
use super::threshold::Judged;

/// Of the JSON's shape; it is raised when a reader of the one before would misread it.
pub(super) const FORMAT: u32 = 1;
/// Quantiles of the curve, so that each further nine has as many points as the one before.
const CURVE_POINTS_PER_NINE: u32 = 10;
const NINES: u32 = 5;
/// Bars for each doubling of the latency.
const BARS_PER_OCTAVE: f64 = 4.0;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    /// The format; also what tells such a file from others.
    pub(super) larder_bench: u32,
    /// Local time.
    pub(super) generated: String,
    /// The version of this program.
    pub(super) version: String,
    pub(super) machine: Machine,
    pub(super) plan: Described,
    /// What is uncached before what is cached; or only one.
    pub(super) sides: Vec<Side>,
    /// Whether the run was ended before all repetitions; those that are here are complete.
    #[serde(default)]
    pub(super) is_interrupted: bool,
    /// `None` with one side.
    pub(super) speedup: Option<Speedup>,
    pub(super) thresholds: Vec<Judged>,
}

/// The plan, as far as figures depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Described {
    pub(super) connections: u32,
    /// Requests a second of an open loop; `None` of a closed one.
    pub(super) rate: Option<f64>,
    /// Of a repetition, where that is its length.
    pub(super) requests: Option<u64>,
    pub(super) duration_seconds: Option<f64>,
    pub(super) warm_up_seconds: f64,
    pub(super) repetitions: u32,
    pub(super) timeout_seconds: f64,
    pub(super) keys: Option<String>,
    pub(super) seed: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Side {
    /// `uncached`, `cached`, or `measured` where there is only one.
    pub(super) name: String,
    /// Method and URL.
    pub(super) asked: String,
    /// How the cache is passed by.
    pub(super) how: Option<String>,
    pub(super) requests: u64,
    /// Of the repetitions; `None` where no time passed.
    pub(super) requests_per_second: Option<Spread>,
    /// Mean and percentiles are the means of the repetitions' own, so that the quotient of two sides is
    /// their speed-up; the others are of all requests. `None` where nothing was answered.
    pub(super) latency_ms: Option<Latency>,
    /// Of the bodies.
    pub(super) bytes: u64,
    pub(super) statuses: BTreeMap<u16, u64>,
    /// By kind: connect, timeout, cut, protocol, status, `not_sent`, clearing.
    pub(super) errors: BTreeMap<String, u64>,
    /// Of all requests, 0 to 1.
    pub(super) error_rate: Option<f64>,
    /// How late this program itself was with an open loop's requests: the 99th percentile of the worst
    /// repetition. Latencies hold it.
    pub(super) own_lag_p99_ms: Option<f64>,
    pub(super) repetitions: Vec<Repetition>,
    pub(super) percentiles: Vec<Percentile>,
    pub(super) histogram: Vec<Bar>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) mean: f64,
    /// `None` of one repetition.
    pub(super) standard_deviation: Option<f64>,
}

/// In milliseconds; percentiles to three digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) mean: f64,
    /// Of single requests; `None` of one.
    pub(super) standard_deviation: Option<f64>,
    pub(super) min: f64,
    pub(super) p50: f64,
    pub(super) p75: f64,
    pub(super) p90: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) p99_9: f64,
    pub(super) max: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Repetition {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) seconds: f64,
    pub(super) requests_per_second: Option<f64>,
    pub(super) latency_ms: Option<Latency>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Percentile {
    pub(super) percent: f64,
    pub(super) ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Bar {
    pub(super) from_ms: f64,
    pub(super) to_ms: f64,
    pub(super) requests: u64,
}

/// How many times less is cached than uncached; for requests a second, how many times more: by the
/// figures of the two [`Side`]s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Speedup {
    pub(super) mean: Option<Estimate>,
    pub(super) p50: Option<Estimate>,
    pub(super) p99: Option<Estimate>,
    pub(super) requests_per_second: Option<Estimate>,
}

impl Speedup {
    /// Of two sides whose repetitions were measured in turns.
    pub(super) fn of(uncached: &Side, cached: &Side) -> Self {
        let less = |figure| Self::ratio(uncached, cached, figure);
        Self {
            mean: less(|one| one.latency_ms.map(|latency| latency.mean)),
            p50: less(|one| one.latency_ms.map(|latency| latency.p50)),
            p99: less(|one| one.latency_ms.map(|latency| latency.p99)),
            requests_per_second: Self::ratio(cached, uncached, |one| one.requests_per_second),
        }
    }

    fn ratio(
        over: &Side,
        under: &Side,
        figure: fn(&Repetition) -> Option<f64>,
    ) -> Option<Estimate> {
        let (over, under) = (over.each(figure), under.each(figure));
        let known = |figures: &[Option<f64>]| figures.iter().copied().flatten().collect::<Vec<_>>();
        let is_paired = over.iter().chain(&under).all(Option::is_some);
        let ratio = if is_paired {
            statistics::paired_ratio
        } else {
            statistics::free_ratio
        };
        ratio(&known(&over), &known(&under))
    }
}

impl Report {
    /// How many repetitions were completed, of each side.
    pub(super) fn repetitions(&self) -> usize {
        self.sides.first().map_or(0, |side| side.repetitions.len())
    }
}

impl Side {
    /// What the repetitions of a side come to.
    pub(super) fn new(name: &str, asked: String, how: Option<String>, runs: &[Measured]) -> Self {
        let mut all = Tally::default();
        for run in runs {
            all.add(&run.tally);
        }
        let repetitions: Vec<_> = runs.iter().map(Repetition::new).collect();
        let rates: Vec<_> = repetitions
            .iter()
            .filter_map(|one| one.requests_per_second)
            .collect();
        let lags = runs.iter().filter_map(|run| run.lag.as_ref());
        let lags = lags.map(|lag| milliseconds(lag.value_at_quantile(0.99)));
        Self {
            name: name.to_owned(),
            asked,
            how,
            requests: all.requests,
            requests_per_second: statistics::mean(&rates).map(|mean| Spread {
                mean,
                standard_deviation: statistics::deviation(&rates),
            }),
            latency_ms: Latency::of_side(&repetitions, &all),
            bytes: all.bytes,
            error_rate: (all.requests > 0).then(|| all.failed() as f64 / all.requests as f64),
            own_lag_p99_ms: lags.reduce(f64::max),
            repetitions,
            percentiles: curve(&all.latencies),
            histogram: bars(&all.latencies),
            statuses: all.statuses,
            errors: all
                .errors
                .iter()
                .map(|(kind, count)| ((*kind).to_owned(), *count))
                .collect(),
        }
    }

    /// A figure of each repetition.
    pub(super) fn each(&self, figure: fn(&Repetition) -> Option<f64>) -> Vec<Option<f64>> {
        self.repetitions.iter().map(figure).collect()
    }

    /// Requests without a good answer.
    pub(super) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

impl Repetition {
    fn new(run: &Measured) -> Self {
        let seconds = run.took.as_secs_f64();
        let answered = run.tally.requests - run.tally.failed();
        Self {
            requests: run.tally.requests,
            errors: run.tally.failed(),
            seconds,
            requests_per_second: (seconds > 0.0).then(|| answered as f64 / seconds),
            latency_ms: Latency::of(&run.tally),
        }
    }
}

impl Latency {
    fn of(tally: &Tally) -> Option<Self> {
        let at = |quantile| milliseconds(tally.latencies.value_at_quantile(quantile));
        Some(Self {
            mean: tally.mean()? / 1e6,
            standard_deviation: tally.deviation().map(|nanos| nanos / 1e6),
            min: milliseconds(tally.latencies.min()),
            p50: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            max: milliseconds(tally.latencies.max()),
        })
    }

    /// Of a side whose repetitions are `each` and together have counted `all`.
    fn of_side(each: &[Repetition], all: &Tally) -> Option<Self> {
        let mean = |figure: fn(Self) -> f64| {
            let latencies = each.iter().filter_map(|one| one.latency_ms);
            statistics::mean(&latencies.map(figure).collect::<Vec<_>>())
        };
        Some(Self {
            mean: mean(|one| one.mean)?,
            p50: mean(|one| one.p50)?,
            p75: mean(|one| one.p75)?,
            p90: mean(|one| one.p90)?,
            p95: mean(|one| one.p95)?,
            p99: mean(|one| one.p99)?,
            p99_9: mean(|one| one.p99_9)?,
            ..Self::of(all)?
        })
    }

    /// Each figure by the name that conditions and tables call it.
    pub(super) fn all(&self) -> [(&'static str, Option<f64>); 10] {
        [
            ("mean", Some(self.mean)),
            ("sd", self.standard_deviation),
            ("min", Some(self.min)),
            ("p50", Some(self.p50)),
            ("p75", Some(self.p75)),
            ("p90", Some(self.p90)),
            ("p95", Some(self.p95)),
            ("p99", Some(self.p99)),
            ("p99.9", Some(self.p99_9)),
            ("max", Some(self.max)),
        ]
    }

    pub(super) fn named(&self, name: &str) -> Option<f64> {
        self.all().into_iter().find(|(one, _)| *one == name)?.1
    }
}

fn milliseconds(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

/// Up to where there are requests enough for one beyond it.
fn curve(latencies: &Histogram<u64>) -> Vec<Percentile> {
    let parts = (0..=NINES * CURVE_POINTS_PER_NINE)
        .map(|point| 1.0 - 0.1_f64.powf(f64::from(point) / f64::from(CURVE_POINTS_PER_NINE)));
    let count = latencies.len() as f64;
    let parts = parts.filter(|part| count * (1.0 - part) >= 1.0);
    parts
        .map(|part| Percentile {
            percent: 100.0 * part,
            ms: milliseconds(latencies.value_at_quantile(part)),
        })
        .collect()
}

fn bars(latencies: &Histogram<u64>) -> Vec<Bar> {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for step in latencies.iter_recorded() {
        let nanos = step.value_iterated_to().max(1) as f64;
        let bar = (nanos.log2() * BARS_PER_OCTAVE).floor() as i64;
        *counts.entry(bar).or_default() += step.count_since_last_iteration();
    }
    let edge = |bar: i64| (bar as f64 / BARS_PER_OCTAVE).exp2() / 1e6;
    let bars = counts.into_iter().map(|(bar, requests)| Bar {
        from_ms: edge(bar),
        to_ms: edge(bar + 1),
        requests,
    });
    bars.collect()
}

#[cfg(test)]
#[path = "report/samples.rs"]
pub(super) mod samples;
#[cfg(test)]
#[path = "report/tests.rs"]
mod tests;
