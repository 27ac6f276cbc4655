//! Rows side by side, and what machine they are of. It must not know where figures come from.

use std::fmt::Write as _;

use crate::bench::machine::Machine;

/// What one document heads with.
pub(super) struct Section {
    title: &'static str,
    /// What was measured on.
    on: String,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    document: &'static str,
    here: String,
    how: String,
}

impl Section {
    pub(super) fn new(title: &'static str, on: impl Into<String>) -> Self {
        Self {
            title,
            on: on.into(),
            rows: Vec::new(),
        }
    }

    /// A figure of the document, ours, and how that was measured; or, where there is none, why.
    pub(super) fn row(
        &mut self,
        what: impl Into<String>,
        document: &'static str,
        here: impl Into<String>,
        how: impl Into<String>,
    ) {
        self.rows.push(Row {
            what: what.into(),
            document,
            here: here.into(),
            how: how.into(),
        });
    }
}

pub(super) fn markdown(sections: &[Section], rounds: usize) -> String {
    let mut text = format!(
        "Measured by `larder bench seeds` on {}: medians of {rounds} rounds, with and without the cache by \
         turns. `a → b` is without the cache and with it.\n",
        Machine::this()
    );
    for section in sections {
        // A String takes all that is written to it.
        let _ = writeln!(
            text,
            "\n### {}\n{}\n\n| figure | the document | here | how |\n|---|---|---|---|",
            section.title, section.on
        );
        for row in &section.rows {
            let Row {
                what,
                document,
                here,
                how,
            } = row;
            let _ = writeln!(text, "| {what} | {document} | {here} | {how} |");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_document_and_ours_side_by_side() {
        let mut section = Section::new("0 · a", "On little.");
        section.row("reads", "10 ms → 1 ms, 10×", "1 µs → 1 ns, 1,000×", "once");
        let text = markdown(&[section], 3);
        assert!(text.contains("medians of 3 rounds"), "{text}");
        assert!(
            text.contains("### 0 · a\nOn little.\n\n| figure |"),
            "{text}"
        );
        let row = "\n| reads | 10 ms → 1 ms, 10× | 1 µs → 1 ns, 1,000× | once |\n";
        assert!(text.contains(row), "{text}");
    }
}
