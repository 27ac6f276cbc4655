//! `larder bench compare`: what changed between two reports, and how sure that is.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Serialize;

use super::report::{FORMAT, Repetition, Report, Side};
use super::sections::{load, time};
use super::statistics::{self, Estimate};
use crate::args::BenchCompare;
use crate::commands::columns::columns;
use crate::exit::{Missed, Usage};
use crate::figures;

/// A figure in both reports.
#[derive(Debug, Serialize)]
struct Change {
    side: String,
    figure: &'static str,
    before: f64,
    after: f64,
    /// After by before; `None` where that is no number.
    ratio: Option<Estimate>,
    verdict: Verdict,
    /// What more would decide it, where that is known.
    undecided_because: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Better,
    /// Surely, and by more than is tolerated.
    Worse,
    /// Surely no further apart than is tolerated.
    Same,
    /// Nothing of these is sure.
    Undecided,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Good {
    Less,
    More,
}

#[derive(Serialize)]
struct Comparison {
    changes: Vec<Change>,
    /// What is not alike, so that figures may differ by it.
    differences: Vec<String>,
}

struct Figure {
    name: &'static str,
    good: Good,
    /// How many requests of a repetition it needs to be more than a few of them.
    requests_min: f64,
    /// Of each repetition; their mean is the figure that reports show.
    of: fn(&Side) -> Vec<f64>,
}

/// A percentile with fewer requests beyond it in a repetition is chance.
const BEYOND_MIN: f64 = 10.0;

const FIGURES: [Figure; 6] = [
    Figure {
        name: "mean",
        good: Good::Less,
        requests_min: 0.0,
        of: |side| known(side, |one| Some(one.latency_ms?.mean)),
    },
    Figure {
        name: "p50",
        good: Good::Less,
        requests_min: BEYOND_MIN / 0.5,
        of: |side| known(side, |one| Some(one.latency_ms?.p50)),
    },
    Figure {
        name: "p95",
        good: Good::Less,
        requests_min: BEYOND_MIN / 0.05,
        of: |side| known(side, |one| Some(one.latency_ms?.p95)),
    },
    Figure {
        name: "p99",
        good: Good::Less,
        requests_min: BEYOND_MIN / 0.01,
        of: |side| known(side, |one| Some(one.latency_ms?.p99)),
    },
    Figure {
        name: "good answers/s",
        good: Good::More,
        requests_min: 0.0,
        of: |side| known(side, |one| one.requests_per_second),
    },
    Figure {
        name: "errors",
        good: Good::Less,
        requests_min: 0.0,
        of: errors,
    },
];

fn known(side: &Side, figure: fn(&Repetition) -> Option<f64>) -> Vec<f64> {
    side.each(figure).into_iter().flatten().collect()
}

/// Each repetition's by the mean number of requests, so that their mean is the share of all.
fn errors(side: &Side) -> Vec<f64> {
    let requests = known(side, |one| Some(one.requests as f64));
    let Some(mean) = statistics::mean(&requests).filter(|mean| *mean > 0.0) else {
        return Vec::new();
    };
    let errors = side.repetitions.iter().map(|one| one.errors as f64 / mean);
    errors.collect()
}

/// Compares, prints, and ends with [`Missed`] if something got worse.
pub(crate) fn run(args: &BenchCompare, out: &mut impl Write) -> anyhow::Result<()> {
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let comparison = Comparison {
        changes: changes(&before, &after, args.tolerance / 100.0),
        differences: differences(&before, &after),
    };
    ensure!(
        !comparison.changes.is_empty(),
        Usage("the two reports have no figure in common".to_owned())
    );
    let text = if args.json {
        serde_json::to_string_pretty(&comparison)? + "\n"
    } else {
        shown(&comparison, args.tolerance)
    };
    out.write_all(text.as_bytes())?;
    let worse = comparison
        .changes
        .iter()
        .filter(|change| change.verdict == Verdict::Worse);
    let worse: Vec<_> = worse
        .map(|change| format!("{} {}", change.side, change.figure))
        .collect();
    ensure!(
        worse.is_empty(),
        Missed(format!("worse: {}", worse.join(", ")))
    );
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Report> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let expected = "expected a report that `larder bench run --json` wrote";
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Usage(format!("{name}: {expected}: {error}")))?;
    let format = value
        .get("larder_bench")
        .and_then(serde_json::Value::as_u64);
    let format = format.ok_or_else(|| Usage(format!("{name}: {expected}")))?;
    ensure!(
        format == u64::from(FORMAT),
        Usage(format!(
            "{name}: it has format {format}, and this program reads format {FORMAT}"
        ))
    );
    let report = serde_json::from_value(value);
    Ok(report.map_err(|error| Usage(format!("{name}: {expected}: {error}")))?)
}

fn changes(before: &Report, after: &Report, tolerance: f64) -> Vec<Change> {
    let pairs = before
        .sides
        .iter()
        .filter_map(|side| Some((side, partner(before, side, after)?)));
    pairs
        .flat_map(|(before, after)| {
            FIGURES
                .iter()
                .filter_map(move |figure| change(before, after, figure, tolerance))
        })
        .collect()
}

/// The same side of the other report; what was measured alone may be compared with what is cached.
fn partner<'a>(before: &Report, side: &Side, after: &'a Report) -> Option<&'a Side> {
    let same = after.sides.iter().find(|other| other.name == side.name);
    let is_only = before.sides.len() == 1 || after.sides.len() == 1;
    let is_last = before
        .sides
        .last()
        .is_some_and(|last| last.name == side.name);
    same.or_else(|| after.sides.last().filter(|_| is_only && is_last))
}

fn change(before: &Side, after: &Side, figure: &Figure, tolerance: f64) -> Option<Change> {
    let (old, new) = ((figure.of)(before), (figure.of)(after));
    let means = (statistics::mean(&old)?, statistics::mean(&new)?);
    let (ratio, found) = match means {
        // Errors mostly: none, or from and to none, which no factor tells.
        (0.0, 0.0) => (None, Verdict::Same),
        (0.0, _) => (None, from_none(&new, Verdict::Worse)),
        (_, 0.0) => (None, from_none(&old, Verdict::Better)),
        _ => {
            let ratio = statistics::free_ratio(&new, &old)?;
            (Some(ratio), verdict(ratio, figure.good, tolerance))
        }
    };
    let doubt = doubt(before, after, figure);
    let found = doubt.map_or(found, |_| Verdict::Undecided);
    Some(Change {
        side: before.name.clone(),
        figure: figure.name,
        before: means.0,
        after: means.1,
        ratio,
        verdict: found,
        undecided_because: doubt,
    })
}

/// Errors of one report where the other has none: sure, if each repetition has some.
fn from_none(some: &[f64], surely: Verdict) -> Verdict {
    if some.iter().all(|value| *value > 0.0) {
        surely
    } else {
        Verdict::Undecided
    }
}

/// Why nothing can be sure, whatever the figures are.
fn doubt(before: &Side, after: &Side, figure: &Figure) -> Option<&'static str> {
    let each = || before.repetitions.iter().chain(&after.repetitions);
    if before.repetitions.len().min(after.repetitions.len()) < 2 {
        return Some("one repetition");
    }
    let is_few = each().any(|one| (one.requests as f64) < figure.requests_min);
    is_few.then_some("too few requests")
}

fn verdict(ratio: Estimate, good: Good, tolerance: f64) -> Verdict {
    let (Some(low), Some(high)) = (ratio.low, ratio.high) else {
        return Verdict::Undecided;
    };
    let (least, most) = (1.0 / (1.0 + tolerance), 1.0 + tolerance);
    match good {
        _ if low >= least && high <= most => Verdict::Same,
        Good::Less if high < least => Verdict::Better,
        Good::More if low > most => Verdict::Better,
        Good::Less if low > most => Verdict::Worse,
        Good::More if high < least => Verdict::Worse,
        _ => Verdict::Undecided,
    }
}

fn differences(before: &Report, after: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, old: String, new: String| {
        if old != new {
            lines.push(figures::printable(&format!("{what}: {old} / {new}")));
        }
    };
    let sides = |report: &Report| {
        let asked = report
            .sides
            .iter()
            .map(|side| format!("{} {}", side.name, side.asked));
        asked.collect::<Vec<_>>().join(", ")
    };
    let keys = |report: &Report| {
        report
            .plan
            .keys
            .clone()
            .unwrap_or_else(|| "none".to_owned())
    };
    line("asked", sides(before), sides(after));
    line("load", load(&before.plan), load(&after.plan));
    line("keys", keys(before), keys(after));
    line(
        "asked from",
        before.machine.to_string(),
        after.machine.to_string(),
    );
    line("larder", before.version.clone(), after.version.clone());
    let complete = |report: &Report| {
        let words = if report.is_interrupted {
            "some, interrupted"
        } else {
            "all"
        };
        words.to_owned()
    };
    line("repetitions", complete(before), complete(after));
    lines
}

fn shown(comparison: &Comparison, tolerance: f64) -> String {
    let top = [
        "",
        "before",
        "after",
        "change",
        "95 % confidence",
        "verdict",
    ]
    .map(str::to_owned);
    let rows = comparison.changes.iter().map(row);
    let rows: Vec<_> = std::iter::once(top.to_vec()).chain(rows).collect();
    let notes = comparison
        .differences
        .iter()
        .map(|line| format!("  not alike: {line}\n"));
    format!(
        "{}\n  worse is what is surely more than {tolerance} % worse, same what is surely no more than that \
         apart;\n  more repetitions decide what is undecided\n{}",
        columns(&rows),
        notes.collect::<String>()
    )
}

fn row(change: &Change) -> Vec<String> {
    let show = |value: f64| match change.figure {
        "good answers/s" => format!("{value:.1}"),
        "errors" => format!("{:.3} %", 100.0 * value),
        _ => time(Some(value)),
    };
    let percent = |ratio: f64| format!("{:+.1} %", 100.0 * (ratio - 1.0));
    let dash = || "–".to_owned();
    let range = change.ratio.and_then(|ratio| ratio.low.zip(ratio.high));
    let range = range.map(|(low, high)| format!("{} to {}", percent(low), percent(high)));
    let because = change.undecided_because;
    vec![
        format!("{} {}", change.side, change.figure),
        show(change.before),
        show(change.after),
        change.ratio.map_or_else(dash, |ratio| percent(ratio.value)),
        range.unwrap_or_else(dash),
        match change.verdict {
            Verdict::Better => "better".to_owned(),
            Verdict::Worse => "worse".to_owned(),
            Verdict::Same => "same".to_owned(),
            Verdict::Undecided => because.map_or_else(
                || "undecided".to_owned(),
                |because| format!("undecided ({because})"),
            ),
        },
    ]
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;
