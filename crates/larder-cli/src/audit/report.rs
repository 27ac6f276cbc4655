//! Audits as text and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use larder::Source;
use larder::audit::{AGES, Case, Happened, Report, What};
use serde_json::{Value, json};

use crate::commands::columns::columns;
use crate::figures;

/// A table with a row for each namespace, and the last cases under it.
pub(super) fn as_table(reports: &[(&str, Report)]) -> String {
    if reports.is_empty() {
        return "no samples: no cache samples keys under this prefix\n".to_owned();
    }
    let heading = [
        "namespace",
        "reads",
        ">1 s",
        ">10 s",
        ">60 s",
        "> X",
        "consistent",
        "writes",
        "keys",
        "instances",
        "lost",
    ];
    let rows = reports.iter().map(|(name, report)| row(name, report));
    let heading = heading.map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    let mut text = columns(&rows);
    for (name, report) in reports {
        notes(&mut text, name, report);
    }
    for (name, report) in reports {
        for one in &report.cases {
            case(&mut text, name, one);
        }
    }
    text
}

fn row(name: &str, report: &Report) -> Vec<String> {
    let [one, ten, sixty] = report.inconsistent;
    let numbers = [report.reads, one, ten, sixty, report.broken].map(figures::count);
    let mut row = vec![name.to_owned()];
    row.extend(numbers);
    row.push(consistency(report));
    row.push(figures::count(report.writes));
    row.push(figures::count(report.keys as u64));
    row.push(figures::count(report.instances as u64));
    row.push(figures::count(report.lost));
    row
}

/// Per cent, to as many digits as so many reads can tell.
fn consistency(report: &Report) -> String {
    let (Some(share), Some(nines)) = (report.consistency(), report.nines()) else {
        return "-".to_owned();
    };
    let digits = (nines.ceil() as usize).saturating_sub(1).min(12);
    let mark = if report.inconsistent[0] == 0 {
        "> "
    } else {
        ""
    };
    let share = if mark.is_empty() {
        share
    } else {
        1.0 - 1.0 / report.reads as f64
    };
    format!("{mark}{:.digits$} %", share * 100.0)
}

fn notes(text: &mut String, name: &str, report: &Report) {
    let notes = [
        (
            report.stale,
            "reads were handed out as stale, and not judged",
        ),
        (
            report.unplaced,
            "reads have no time that can be told, and were not judged",
        ),
        (
            report.dropped,
            "samples or histories were given up: a clock was set, or a limit reached",
        ),
        (
            report.unreadable,
            "records cannot be read: of another version of larder?",
        ),
    ];
    for (count, note) in notes.iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(text, "  {name}: {} {note}", figures::count(*count));
    }
}

fn case(text: &mut String, name: &str, case: &Case) {
    let _ = writeln!(
        text,
        "\n{name} {}: {:016x} was read {} times after it was old, the last time {:.1} s later, by {}",
        figures::printable(&case.key),
        case.version,
        case.reads,
        case.late.as_secs_f64(),
        by(&case.read),
    );
    for event in &case.events {
        let _ = writeln!(
            text,
            "  {}  {}  {}",
            time(event.at_ms),
            by(event),
            figures::printable(&event.what.to_string())
        );
    }
}

fn by(event: &Happened) -> String {
    format!("{:016x} (process {})", event.instance, event.process)
}

fn time(millis: u64) -> String {
    let at = i64::try_from(millis)
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok());
    at.map_or_else(|| millis.to_string(), |at| format!("{at:.3}"))
}

/// All of it.
pub(super) fn as_json(reports: &[(&str, Report)]) -> Value {
    let one = |(name, report): &(&str, Report)| {
        let ages = AGES.iter().zip(report.inconsistent);
        let ages: Vec<Value> = ages
            .map(|(age, reads)| json!({ "later_than_s": age.as_secs(), "reads": reads }))
            .collect();
        json!({
            "namespace": name,
            "reads": report.reads,
            "inconsistent": ages,
            "broken": report.broken,
            "consistency": report.consistency(),
            "nines": report.nines(),
            "stale": report.stale,
            "unplaced": report.unplaced,
            "writes": report.writes,
            "keys": report.keys,
            "instances": report.instances,
            "lost": report.lost,
            "dropped": report.dropped,
            "unreadable": report.unreadable,
            "cases": report.cases.iter().map(case_as_json).collect::<Vec<_>>(),
        })
    };
    json!({ "namespaces": reports.iter().map(one).collect::<Vec<_>>() })
}

fn case_as_json(case: &Case) -> Value {
    json!({
        "key": case.key,
        "version": version(case.version),
        "late_ms": millis(case.late),
        "reads": case.reads,
        "read": event_as_json(&case.read),
        "events": case.events.iter().map(event_as_json).collect::<Vec<_>>(),
    })
}

fn event_as_json(event: &Happened) -> Value {
    let mut json = json!({
        "at": time(event.at_ms),
        "instance": version(event.instance),
        "process": event.process,
    });
    let what = match &event.what {
        What::Read {
            version: of,
            source,
            is_stale,
        } => json!({ "read": version(*of), "tier": tier(*source), "stale": is_stale }),
        What::Stored { version: of } => json!({ "stored": version(*of) }),
        What::Made { version: of } => json!({ "made": version(*of) }),
        What::Invalidated { what } => json!({ "invalidated": what }),
        other => json!({ "did": other.to_string() }),
    };
    if let (Value::Object(json), Value::Object(what)) = (&mut json, what) {
        json.extend(what);
    }
    json
}

fn tier(source: Source) -> &'static str {
    match source {
        Source::Memory => "memory",
        Source::Disk => "disk",
        Source::Remote => "remote",
        Source::Loader => "loader",
        _ => "another",
    }
}

fn version(version: u64) -> String {
    format!("{version:016x}")
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(reads: u64, inconsistent: u64) -> Report {
        let mut report = Report::default();
        report.reads = reads;
        report.inconsistent[0] = inconsistent;
        report
    }

    #[test]
    fn a_share_is_told_to_as_many_digits_as_the_reads_allow() {
        assert_eq!(consistency(&report(0, 0)), "-");
        assert_eq!(
            consistency(&report(1_000, 0)),
            "> 99.9 %".replace("99.9", "99.90")
        );
        assert_eq!(consistency(&report(1_000_000, 3)), "99.99970 %");
        assert_eq!(consistency(&report(10, 10)), "0 %");
    }
}
