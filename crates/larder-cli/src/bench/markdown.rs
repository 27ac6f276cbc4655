//! The report as Markdown, for issues and pull requests.

use std::fmt::Write as _;

use super::report::Report;
use super::sections::{Section, sections};

/// The whole report.
pub(super) fn page(report: &Report) -> String {
    let sections: String = sections(report).iter().map(section).collect();
    format!("# Bench report, {}\n{sections}", report.generated)
}

fn section(section: &Section) -> String {
    let lines = section
        .lines
        .iter()
        .map(|line| format!("- {}\n", escaped(line)));
    let mut text = format!("\n## {}\n{}", section.heading, lines.collect::<String>());
    if !section.lines.is_empty() && !section.table.is_empty() {
        // Or the table would be the last line's.
        text.push('\n');
    }
    for (at, row) in section.table.iter().enumerate() {
        let cells: Vec<_> = row.iter().map(|cell| escaped(cell.trim())).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "|---|{}", "---:|".repeat(row.len() - 1));
        }
    }
    text
}

/// Text that comes from a URL is shown, and is neither HTML nor a table.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' => {
                safe.push('\\');
                safe.push(letter);
            }
            _ => safe.push(letter),
        }
    }
    safe
}
