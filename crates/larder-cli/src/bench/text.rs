//! The report for a terminal.

use super::report::Report;
use super::sections::{Section, sections};
use crate::commands::columns::columns;

/// Between the report and what is around it, and under a heading.
const DOUBLE: &str = "═";
const SINGLE: &str = "─";
const WIDTH: usize = 79;

/// The whole report.
pub(super) fn page(report: &Report) -> String {
    let line = DOUBLE.repeat(WIDTH);
    let top = format!(
        "{line}\nLARDER BENCH REPORT\nGenerated: {}\n{line}\n",
        report.generated
    );
    let sections: String = sections(report).iter().map(section).collect();
    format!("{top}{sections}\n{line}\n")
}

fn section(section: &Section) -> String {
    let heading = section.heading.to_uppercase();
    let lines = section.lines.iter().map(|line| format!("  {line}\n"));
    let lines: String = lines.collect();
    format!(
        "\n{heading}\n{}\n{lines}{}",
        SINGLE.repeat(WIDTH),
        columns(&section.table)
    )
}
