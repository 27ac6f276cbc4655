//! Usage totals as plain text.

use std::fmt::Write as _;

use super::columns::columns;
use crate::args::Range;
use crate::client::{Stats, Usage};
use crate::figures;

/// The most days printed; `--json` has them all.
const DAYS_MAX: usize = 31;

/// The totals, then the same by model, project and day.
pub(super) fn report(stats: &Stats, range: Range) -> String {
    let mut text = totals(stats, range);
    let models = stats.models.iter().map(|row| {
        let note = if row.priced { "" } else { " (no price)" };
        (
            format!("{}{note}", figures::printable(&row.model)),
            &row.usage,
        )
    });
    section(&mut text, "model", models);
    let projects = stats
        .projects
        .iter()
        .map(|row| (figures::printable(&row.project), &row.usage));
    section(&mut text, "project", projects);
    let first = stats.days.len().saturating_sub(DAYS_MAX);
    let days = stats.days[first..]
        .iter()
        .map(|row| (figures::printable(&row.date), &row.usage));
    section(&mut text, "day", days);
    text
}

fn totals(stats: &Stats, range: Range) -> String {
    let usage = &stats.totals.usage;
    let unpriced = match stats.totals.unpriced_messages {
        0 => String::new(),
        number => format!(", {} of them without a price", figures::count(number)),
    };
    format!(
        "As logged, {}: {}\n  \
         {} tokens in {} messages{unpriced}\n  \
         {} files, {}, {} lines skipped; data {} old\n",
        range.title(),
        figures::money(usage.cost_usd),
        figures::count(usage.total_tokens),
        figures::count(usage.messages),
        figures::count(stats.scan.files),
        figures::bytes(stats.scan.bytes),
        figures::count(stats.scan.skipped_lines),
        figures::age(figures::from_ms(stats.snapshot.age_ms)),
    )
}

fn section<'a>(text: &mut String, title: &str, rows: impl Iterator<Item = (String, &'a Usage)>) {
    let heading = [
        title,
        "cost",
        "messages",
        "input",
        "output",
        "cache writes",
        "cache reads",
    ];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    lines.extend(rows.map(|(name, usage)| {
        vec![
            name,
            figures::money(usage.cost_usd),
            figures::count(usage.messages),
            figures::count(usage.input_tokens),
            figures::count(usage.output_tokens),
            figures::count(usage.cache_creation_tokens),
            figures::count(usage.cache_read_tokens),
        ]
    }));
    if lines.len() > 1 {
        let _ = write!(text, "\n{}", columns(&lines));
    }
}
