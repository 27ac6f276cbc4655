//! What a report says, in words and tables, for every form that people read. It must not know these forms.

use super::report::{Described, Report, Side};
use super::statistics::Estimate;
use crate::figures;

/// The share of requests without a good answer beyond which the latencies of the others are no longer
/// the server's.
const FLATTERING: f64 = 0.01;

/// A heading with what stands under it.
pub(super) struct Section {
    pub(super) heading: &'static str,
    pub(super) lines: Vec<String>,
    /// The first row is the heading; empty where there is no table.
    pub(super) table: Vec<Vec<String>>,
}

/// The report's parts, in order.
pub(super) fn sections(report: &Report) -> Vec<Section> {
    let table = |heading, table| Section {
        heading,
        lines: Vec::new(),
        table,
    };
    let lines = |heading, lines| Section {
        heading,
        lines,
        table: Vec::new(),
    };
    let mut sections = vec![
        lines("What was measured", subject(report)),
        Section {
            heading: "Latency",
            lines: definition(report),
            table: latencies(report),
        },
        table("Requests and answers", answers(report)),
        table("Repetitions", repetitions(report)),
    ];
    if !report.thresholds.is_empty() {
        let judged = report.thresholds.iter().map(ToString::to_string);
        sections.push(lines("Thresholds", judged.collect()));
    }
    sections.push(lines("Summary", summary(report)));
    sections
}

/// Milliseconds to three digits, or a dash.
pub(super) fn time(ms: Option<f64>) -> String {
    figures::latency(ms.map(|ms| ms * 1e6))
}

/// `6.33x (6.10x to 6.52x)`, or a dash.
pub(super) fn estimate(estimate: Option<Estimate>) -> String {
    match estimate {
        None => dash(),
        Some(Estimate {
            value,
            low: Some(low),
            high: Some(high),
        }) => format!(
            "{} ({} to {})",
            figures::times(value),
            figures::times(low),
            figures::times(high)
        ),
        Some(Estimate { value, .. }) => figures::times(value),
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn subject(report: &Report) -> Vec<String> {
    let sides = report.sides.iter().map(|side| {
        let how = side.how.as_ref().map(|how| format!(" ({how})"));
        let line = format!("{}: {}{}", side.name, side.asked, how.unwrap_or_default());
        figures::printable(&line)
    });
    let plan = &report.plan;
    let mut lines: Vec<_> = sides.collect();
    lines.push(format!("Load: {}", load(plan)));
    lines.push(format!("Length: {}", length(plan)));
    if let Some(keys) = &plan.keys {
        lines.push(format!(
            "Keys: {}, seed {}",
            figures::printable(keys),
            plan.seed
        ));
    }
    lines.push(format!(
        "Asked from: {}",
        figures::printable(&report.machine.to_string())
    ));
    lines
}

/// The loop in words.
pub(super) fn load(plan: &Described) -> String {
    let count = plan.connections;
    let connections = if count == 1 {
        "connection"
    } else {
        "connections"
    };
    match plan.rate {
        Some(rate) => format!(
            "open loop, {rate} requests/s, up to {count} {connections}; latency counts from when a \
             request was due"
        ),
        None => format!("closed loop, {count} {connections}"),
    }
}

fn length(plan: &Described) -> String {
    let one = match (plan.requests, plan.duration_seconds) {
        (Some(requests), _) => format!("{} requests", figures::count(requests)),
        (None, seconds) => format!("{} s", seconds.unwrap_or_default()),
    };
    let warm_up = match plan.warm_up_seconds {
        0.0 => "without warm-up".to_owned(),
        seconds => format!("each after {seconds} s of warm-up"),
    };
    let turns = match plan.repetitions {
        1 => "once".to_owned(),
        repetitions => format!("{repetitions} times, in turns"),
    };
    format!("{one}, {turns}, {warm_up}")
}

fn heading(report: &Report, first: &str) -> Vec<String> {
    let names = report.sides.iter().map(|side| side.name.clone());
    std::iter::once(first.to_owned()).chain(names).collect()
}

/// How figures of several repetitions are put together.
fn definition(report: &Report) -> Vec<String> {
    let line = "Mean and percentiles: the means of the repetitions' own. Std dev, min, max: of all requests.";
    let lines = (report.repetitions() > 1).then(|| line.to_owned());
    lines.into_iter().collect()
}

fn latencies(report: &Report) -> Vec<Vec<String>> {
    let mut top = heading(report, "");
    let gains = report.speedup.as_ref().map(|speedup| {
        top.push("speed-up (95 %)".to_owned());
        [
            ("mean", speedup.mean),
            ("p50", speedup.p50),
            ("p99", speedup.p99),
        ]
    });
    let names = [
        "mean", "sd", "min", "p50", "p75", "p90", "p95", "p99", "p99.9", "max",
    ];
    let rows = names.map(|name| {
        let figure = |side: &Side| side.latency_ms.as_ref()?.named(name);
        let mut row = vec![if name == "sd" { "std dev" } else { name }.to_owned()];
        row.extend(report.sides.iter().map(|side| time(figure(side))));
        row.extend(gains.as_ref().map(|gains| {
            let gain = gains.iter().find(|(of, _)| *of == name);
            gain.map_or_else(String::new, |(_, gain)| estimate(*gain))
        }));
        row
    });
    std::iter::once(top).chain(rows).collect()
}

fn answers(report: &Report) -> Vec<Vec<String>> {
    let mut rows = vec![heading(report, "")];
    let mut row = |name: String, cell: &dyn Fn(&Side) -> String| {
        let cells = report.sides.iter().map(cell);
        rows.push(std::iter::once(name).chain(cells).collect());
    };
    row("requests".to_owned(), &|side| figures::count(side.requests));
    row("good answers/s, mean".to_owned(), &|side| {
        side.requests_per_second
            .map_or_else(dash, |rps| rate(rps.mean))
    });
    row("  std dev".to_owned(), &|side| {
        let deviation = side
            .requests_per_second
            .and_then(|rps| rps.standard_deviation);
        deviation.map_or_else(dash, rate)
    });
    row("bytes of bodies".to_owned(), &|side| {
        figures::bytes(side.bytes)
    });
    let statuses = report.sides.iter().flat_map(|side| side.statuses.keys());
    for status in statuses.collect::<std::collections::BTreeSet<_>>() {
        row(format!("status {status}"), &|side| {
            figures::count(side.statuses.get(status).copied().unwrap_or_default())
        });
    }
    let kinds = report.sides.iter().flat_map(|side| side.errors.keys());
    for kind in kinds.collect::<std::collections::BTreeSet<_>>() {
        row(format!("errors: {}", kind_in_words(kind)), &|side| {
            figures::count(side.errors.get(kind).copied().unwrap_or_default())
        });
    }
    row("errors of all".to_owned(), &|side| {
        side.error_rate
            .map_or_else(dash, |rate| format!("{:.3} %", 100.0 * rate))
    });
    if report.plan.rate.is_some() {
        row("own lag, p99".to_owned(), &|side| time(side.own_lag_p99_ms));
    }
    rows
}

fn kind_in_words(kind: &str) -> String {
    let words = match kind {
        "connect" => "no connection",
        "timeout" => "no answer in time",
        "cut" => "answer broken off",
        "protocol" => "no HTTP",
        "status" => "neither 2xx nor 304",
        "not_sent" => "not sent in time",
        "clearing" => "caches not cleared",
        other => return figures::printable(other),
    };
    words.to_owned()
}

fn rate(rate: f64) -> String {
    if rate < 100.0 {
        format!("{rate:.1}")
    } else {
        figures::count(rate.round() as u64)
    }
}

fn repetitions(report: &Report) -> Vec<Vec<String>> {
    let mut top = vec!["#".to_owned()];
    for side in &report.sides {
        top.extend(["mean", "p99", "good/s"].map(|figure| format!("{} {figure}", side.name)));
    }
    let rows = (0..report.repetitions()).map(|at| {
        let mut row = vec![(at + 1).to_string()];
        for side in &report.sides {
            let one = side.repetitions.get(at);
            let latency = one.and_then(|one| one.latency_ms);
            row.push(time(latency.map(|latency| latency.mean)));
            row.push(time(latency.map(|latency| latency.p99)));
            row.push(
                one.and_then(|one| one.requests_per_second)
                    .map_or_else(dash, rate),
            );
        }
        row
    });
    std::iter::once(top).chain(rows).collect()
}

fn summary(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if report.is_interrupted {
        lines.push(format!(
            "Interrupted: of {} repetitions {} were complete, and all figures are of these.",
            report.plan.repetitions,
            report.repetitions()
        ));
    }
    match &report.speedup {
        Some(speedup) => lines.push(gain(speedup.mean)),
        None => lines.push(
            "One side only: two URLs, --uncached HOW or --service NAME compare it with what is \
             uncached."
                .to_owned(),
        ),
    }
    if report.repetitions() == 1 {
        lines.push("One repetition tells nothing of how sure that is.".to_owned());
    }
    for side in &report.sides {
        lines.extend(doubts(report, side));
    }
    lines
}

fn gain(estimate: Option<Estimate>) -> String {
    let Some(Estimate { value, low, high }) = estimate else {
        return "No speed-up: one side had no good answer.".to_owned();
    };
    let word = if value < 1.0 { "slower" } else { "faster" };
    let factor = figures::times(if value < 1.0 { 1.0 / value } else { value });
    let (Some(low), Some(high)) = (low, high) else {
        return format!("Speedup: cached is {factor} {word} in the mean.");
    };
    if low <= 1.0 && high >= 1.0 {
        return format!(
            "Speedup: none that is sure: {} to {} (95 % confidence).",
            figures::times(low),
            figures::times(high)
        );
    }
    let (low, high) = if value < 1.0 {
        (1.0 / high, 1.0 / low)
    } else {
        (low, high)
    };
    format!(
        "Speedup: cached is {factor} {word} in the mean; with 95 % confidence {} to {}.",
        figures::times(low),
        figures::times(high)
    )
}

/// What makes a side's figures less worth.
fn doubts(report: &Report, side: &Side) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(rate) = side.error_rate.filter(|rate| *rate > 0.0) {
        let flattered = if rate > FLATTERING {
            " So it looks quicker than it is."
        } else {
            ""
        };
        lines.push(format!(
            "{}: {:.3} % of the requests had no good answer; their latencies do not count, but for \
             those that waited to their time limit.{flattered}",
            side.name,
            100.0 * rate
        ));
    }
    let reached = side.requests_per_second.map_or(0.0, |rps| rps.mean);
    if let Some(wanted) = report.plan.rate.filter(|wanted| reached < 0.95 * wanted) {
        lines.push(format!(
            "{}: of {wanted} requests/s {} were answered well.",
            side.name,
            rate(reached)
        ));
    }
    let lag = side.own_lag_p99_ms.unwrap_or_default();
    let typical = side.latency_ms.map_or(f64::MAX, |latency| latency.p50);
    if lag > typical / 2.0 {
        lines.push(format!(
            "{}: this program itself was late by up to {} (p99), which the latencies hold; closed \
             loops have none of it.",
            side.name,
            time(Some(lag))
        ));
    }
    lines
}
