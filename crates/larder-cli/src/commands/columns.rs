//! Rows of text in columns: the first column to the left, figures to the
//! right.
//!
//! It must not know what the columns mean.

use ratatui::text::Span;

/// Lays the rows out, two blanks between columns, each line indented by two.
/// The first row is the heading. Every row has as many cells as the heading.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            rows.iter()
                .map(|row| width(&row[column]))
                .max()
                .unwrap_or(0)
        })
        .collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (index, (cell, column)) in row.iter().zip(widths).enumerate() {
        let fill = " ".repeat(column - width(cell));
        line.push_str("  ");
        if index == 0 {
            line.push_str(cell);
            line.push_str(&fill);
        } else {
            line.push_str(&fill);
            line.push_str(cell);
        }
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// Columns that the text takes on a terminal.
fn width(text: &str) -> usize {
    Span::raw(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_keep_the_columns_straight() {
        let rows =
            [["name", "n"], ["日本", "10"], ["é", "7"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(columns(&rows), "  name   n\n  日本  10\n  é      7\n");
    }
}
