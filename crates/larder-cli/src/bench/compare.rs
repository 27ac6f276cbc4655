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
    /// After by before.
    ratio: Estimate,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Better,
    /// Surely, and by more than is tolerated.
    Worse,
    /// No difference that is sure and worth a word.
    Same,
    /// One repetition tells nothing of how sure it is.
    Unsure,
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

type Figure = (&'static str, Good, fn(&Repetition) -> Option<f64>);

const FIGURES: [Figure; 6] = [
    ("mean", Good::Less, |one| Some(one.latency_ms?.mean)),
    ("p50", Good::Less, |one| Some(one.latency_ms?.p50)),
    ("p95", Good::Less, |one| Some(one.latency_ms?.p95)),
    ("p99", Good::Less, |one| Some(one.latency_ms?.p99)),
    ("good answers/s", Good::More, |one| one.requests_per_second),
    ("errors", Good::Less, |one| {
        (one.requests > 0).then(|| one.errors as f64 / one.requests as f64)
    }),
];

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
    let (name, good, of) = *figure;
    let values = |side: &Side| -> Vec<f64> { side.repetitions.iter().filter_map(of).collect() };
    let (old, new) = (values(before), values(after));
    let means = (statistics::mean(&old)?, statistics::mean(&new)?);
    let ratio = match means {
        // Errors mostly: from none to none, or to some, which no factor tells.
        (0.0, 0.0) => Estimate {
            value: 1.0,
            low: Some(1.0),
            high: Some(1.0),
        },
        (0.0, _) => return Some(from_none(before, name, &new)),
        _ => statistics::free_ratio(&new, &old)?,
    };
    Some(Change {
        side: before.name.clone(),
        figure: name,
        before: means.0,
        after: means.1,
        ratio,
        verdict: verdict(ratio, good, tolerance),
    })
}

/// Errors where there were none before: sure, if each repetition has some.
fn from_none(side: &Side, figure: &'static str, after: &[f64]) -> Change {
    let is_sure = after.len() > 1 && after.iter().all(|value| *value > 0.0);
    Change {
        side: side.name.clone(),
        figure,
        before: 0.0,
        after: statistics::mean(after).unwrap_or_default(),
        ratio: Estimate {
            value: f64::MAX,
            low: None,
            high: None,
        },
        verdict: if is_sure {
            Verdict::Worse
        } else {
            Verdict::Unsure
        },
    }
}

fn verdict(ratio: Estimate, good: Good, tolerance: f64) -> Verdict {
    let (Some(low), Some(high)) = (ratio.low, ratio.high) else {
        return Verdict::Unsure;
    };
    let (is_less, is_more) = (high < 1.0 / (1.0 + tolerance), low > 1.0 + tolerance);
    match (good, is_less, is_more) {
        (Good::Less, true, _) | (Good::More, _, true) => Verdict::Better,
        (Good::Less, _, true) | (Good::More, true, _) => Verdict::Worse,
        _ => Verdict::Same,
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
        "{}\n  worse is what is surely more than {tolerance} % worse\n{}",
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
    let ratio = change.ratio;
    let range = ratio.low.zip(ratio.high);
    let range = range.map(|(low, high)| format!("{} to {}", percent(low), percent(high)));
    vec![
        format!("{} {}", change.side, change.figure),
        show(change.before),
        show(change.after),
        if ratio.value < f64::MAX {
            percent(ratio.value)
        } else {
            "–".to_owned()
        },
        range.unwrap_or_else(|| "–".to_owned()),
        match change.verdict {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Same => "same",
            Verdict::Unsure => "unsure",
        }
        .to_owned(),
    ]
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;
