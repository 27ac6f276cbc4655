//! A line for each repetition of each side, for spreadsheets. It must not know how anything was measured.

use std::fmt::Write as _;

use super::report::Report;

/// The report as CSV (RFC 4180); what was not measured is empty.
pub(super) fn lines(report: &Report) -> String {
    let mut text = "side,repetition,requests,errors,seconds,requests_per_second,mean_ms,\
                    standard_deviation_ms,min_ms,p50_ms,p75_ms,p90_ms,p95_ms,p99_ms,p99_9_ms,max_ms\r\n"
        .to_owned();
    for side in &report.sides {
        for (number, one) in side.repetitions.iter().enumerate() {
            let (requests, errors) = (one.requests, one.errors);
            let _ = write!(
                text,
                "{},{},{requests},{errors},{}",
                side.name,
                number + 1,
                one.seconds
            );
            cell(&mut text, one.requests_per_second);
            match &one.latency_ms {
                Some(latency) => {
                    for (_, figure) in latency.all() {
                        cell(&mut text, figure);
                    }
                }
                None => text.push_str(",,,,,,,,,,"),
            }
            text.push_str("\r\n");
        }
    }
    text
}

fn cell(text: &mut String, figure: Option<f64>) {
    text.push(',');
    if let Some(figure) = figure {
        let _ = write!(text, "{figure}");
    }
}
