//! A list of rows in columns that fit the width, with its place marked.
//!
//! It must not know what the rows are.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Cell, Row, Table as Grid, Widget as _};

use super::list::List;
use super::theme::Theme;

/// A column. The first one of a table takes the width that the others leave.
pub(super) struct Column<T> {
    pub(super) name: &'static str,
    pub(super) width: u16,
    /// The width of the whole table from which on the column is there.
    pub(super) from_width: u16,
    pub(super) show: fn(&T) -> String,
    /// What comes first when the table is sorted by it.
    pub(super) order: fn(&T, &T) -> Ordering,
}

impl<T> Column<T> {
    pub(super) fn new(
        name: &'static str,
        width: u16,
        from_width: u16,
        show: fn(&T) -> String,
        order: fn(&T, &T) -> Ordering,
    ) -> Self {
        Self {
            name,
            width,
            from_width,
            show,
            order,
        }
    }
}

/// Rows, all of them, and where in them the user is.
pub(super) struct Table<'a, T> {
    pub(super) title: String,
    pub(super) columns: &'a [Column<T>],
    pub(super) rows: &'a [T],
    /// `None`: nothing can be chosen.
    pub(super) list: Option<&'a List>,
    pub(super) theme: Theme,
}

/// The order that the user chose; without one, as it was.
pub(super) fn sort<T>(rows: &mut [T], columns: &[Column<T>], list: &List) {
    if let Some(column) = list.sort.and_then(|index| columns.get(index)) {
        rows.sort_by(column.order);
    }
    if list.is_reversed {
        rows.reverse();
    }
}

impl<T> Table<'_, T> {
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let visible = usize::from(area.height).saturating_sub(2);
        let offset = self
            .list
            .map_or(0, |list| list.offset(self.rows.len(), visible));
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|index| area.width >= self.columns[*index].from_width)
            .collect();
        let taken: u16 = shown
            .iter()
            .skip(1)
            .map(|index| self.columns[*index].width + 1)
            .sum();
        let first = area.width.saturating_sub(taken);
        let others = shown.iter().skip(1).map(|index| self.columns[*index].width);
        let widths = std::iter::once(first).chain(others).map(Constraint::Length);
        let heading = shown.iter().map(|index| self.heading(*index));
        let rows = self.rows.iter().enumerate().skip(offset).take(visible);
        let rows = rows
            .map(|(at, row)| Row::new(shown.iter().map(|index| self.cell(at, row, *index, first))));
        Grid::new(rows, widths)
            .column_spacing(1)
            .header(Row::new(heading).style(self.theme.dim))
            .block(self.block(offset, visible))
            .render(area, buffer);
    }

    fn heading(&self, index: usize) -> Cell<'static> {
        let column = &self.columns[index];
        let sorted_by = self.list.and_then(|list| list.sort);
        let is_reversed = self.list.is_some_and(|list| list.is_reversed);
        let mark = match (sorted_by == Some(index), is_reversed) {
            (false, _) => "",
            (true, false) => "▾",
            (true, true) => "▴",
        };
        if index == 0 {
            return Cell::new(format!(" {}{mark}", column.name));
        }
        right(format!("{}{mark}", column.name))
    }

    fn cell(&self, at: usize, row: &T, index: usize, first: u16) -> Cell<'static> {
        let text = (self.columns[index].show)(row);
        if index > 0 {
            return right(text);
        }
        let is_selected = self
            .list
            .is_some_and(|list| list.selected(self.rows.len()) == at);
        let (mark, style) = if is_selected {
            ("▸", self.theme.accent)
        } else {
            (" ", self.theme.plain)
        };
        let name = fitted(&text, usize::from(first).saturating_sub(1));
        Cell::new(format!("{mark}{name}")).style(style)
    }

    fn block(&self, offset: usize, visible: usize) -> Block<'static> {
        let count = self.rows.len();
        let last = (offset + visible).min(count);
        let place = if count > visible {
            format!(" {}–{last} of {count} ", offset + 1)
        } else {
            String::new()
        };
        titled(format!(" {} ", self.title), self.theme)
            .title_top(Line::styled(place, self.theme.dim).right_aligned())
    }
}

/// A part of the screen with a line and a title above it.
pub(super) fn titled(title: String, theme: Theme) -> Block<'static> {
    Block::new()
        .borders(Borders::TOP)
        .border_style(theme.dim)
        .title_top(Line::styled(title, theme.strong))
}

/// The beginning of a text that is too long, with a sign that it goes on.
pub(super) fn fitted(text: &str, width: usize) -> String {
    if Span::raw(text).width() <= width {
        return text.to_owned();
    }
    let mut kept = "";
    for (start, c) in text.char_indices() {
        let longer = &text[..start + c.len_utf8()];
        if Span::raw(longer).width() + 1 > width {
            break;
        }
        kept = longer;
    }
    format!("{kept}…")
}

/// A text in lines that are no longer than the width, broken between words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        let room = width.saturating_sub(Span::raw(line.as_str()).width() + 1);
        if line.is_empty() {
            line.push_str(word);
        } else if Span::raw(word).width() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| fitted(line, width)).collect()
}

pub(super) fn right<'a>(text: impl Into<Text<'a>>) -> Cell<'a> {
    Cell::new(text.into().alignment(Alignment::Right))
}

/// Larger figures first; what is unknown comes last.
pub(super) fn by_figure(one: Option<f64>, other: Option<f64>) -> Ordering {
    let known = |figure: Option<f64>| figure.unwrap_or(f64::NEG_INFINITY);
    known(other).total_cmp(&known(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_where_it_fits_and_says_so() {
        assert_eq!(fitted("prices", 6), "prices");
        assert_eq!(fitted("prices!", 6), "price…");
        assert_eq!(fitted("日本語", 5), "日本…");
        assert_eq!(fitted("日本語", 4), "日…");
    }

    #[test]
    fn a_text_is_broken_between_words_and_only_a_word_that_is_too_long_is_cut() {
        let lines = wrapped("the shared store refuses", 10);
        assert_eq!(lines, ["the shared", "store", "refuses"]);
        assert_eq!(wrapped("connection", 5), ["conn…"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
