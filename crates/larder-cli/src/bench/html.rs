//! The report as one page with plots: no script, nothing from elsewhere, for light and dark themes.

use super::plots;
use super::report::Report;
use super::sections::{Section, sections};

const STYLE: &str = include_str!("html/style.css");

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut sections = sections(report);
    let summary = sections.pop();
    let title = report.sides.last().map_or("", |side| &side.asked);
    let figures = [
        (
            "Latency by percentile",
            "Each step to the right has a tenth of the requests beyond it.",
            plots::percentiles(report),
        ),
        (
            "Latencies",
            "The share of requests with about this latency.",
            plots::histogram(report),
        ),
        (
            "Repetitions",
            "The mean latency of each, in the order in which they were measured.",
            plots::repetitions(report),
        ),
    ];
    let figures = figures.map(|(heading, caption, plot)| {
        format!("<figure><h2>{heading}</h2>{plot}<figcaption>{caption}</figcaption></figure>\n")
    });
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Bench: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>Bench report</h1><p>{generated}, larder {version}</p></header>\n\
         {summary}<div class=\"plots\">\n{figures}</div>\n{sections}</body>\n</html>\n",
        title = escaped(title),
        generated = escaped(&report.generated),
        version = escaped(&report.version),
        summary = summary.as_ref().map(section).unwrap_or_default(),
        figures = figures.concat(),
        sections = sections.iter().map(section).collect::<String>(),
    )
}

fn section(section: &Section) -> String {
    let lines = section
        .lines
        .iter()
        .map(|line| format!("<p>{}</p>", escaped(line)));
    let mut rows = section.table.iter().enumerate().map(|(at, row)| {
        let tag = if at == 0 { "th" } else { "td" };
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let tag = if column == 0 { "th" } else { tag };
            format!("<{tag}>{}</{tag}>", escaped(cell))
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    });
    let top = rows.next().map(|row| format!("<thead>{row}</thead>"));
    let table = top.map(|top| {
        let body: String = rows.collect();
        // Keys scroll it where it is wider than the screen.
        format!(
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\
             <table>{top}<tbody>{body}</tbody></table></div>",
            section.heading
        )
    });
    format!(
        "<section><h2>{}</h2>{}{}</section>\n",
        section.heading,
        lines.collect::<String>(),
        table.unwrap_or_default()
    )
}

/// Foreign text is shown, never run.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}
