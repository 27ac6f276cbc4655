//! A list that the user goes through, filters and sorts.
//!
//! It must not know what the list holds.

use ratatui::crossterm::event::KeyCode;

/// The longest filter.
const FILTER_CHARS_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct List {
    selected: usize,
    /// What a row's name must contain, whatever its case.
    pub(super) filter: String,
    /// Whether keys go to the filter.
    pub(super) is_typing: bool,
    /// The column that rows are sorted by, if the user chose one.
    pub(super) sort: Option<usize>,
    pub(super) is_reversed: bool,
}

impl List {
    /// The row that the user is at, of `count`.
    pub(super) fn selected(&self, count: usize) -> usize {
        self.selected.min(count.saturating_sub(1))
    }

    /// How many rows are above the first visible one.
    pub(super) fn offset(&self, count: usize, visible: usize) -> usize {
        (self.selected(count) + 1).saturating_sub(visible)
    }

    pub(super) fn go_to_first(&mut self) {
        self.selected = 0;
    }

    pub(super) fn lets_through(&self, name: &str) -> bool {
        self.filter.is_empty() || name.to_lowercase().contains(&self.filter.to_lowercase())
    }

    /// Answers a key that moves in a list of `count` rows; whether it was one.
    pub(super) fn moved(&mut self, key: KeyCode, count: usize, page: usize) -> bool {
        let at = self.selected(count);
        self.selected = match key {
            KeyCode::Down | KeyCode::Char('j') => at + 1,
            KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
            KeyCode::PageDown => at + page,
            KeyCode::PageUp => at.saturating_sub(page),
            KeyCode::Home => 0,
            KeyCode::End => count,
            _ => return false,
        };
        self.selected = self.selected(count);
        true
    }

    /// Answers a key while the filter is typed.
    pub(super) fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c)
                if !c.is_control() && self.filter.chars().count() < FILTER_CHARS_MAX =>
            {
                self.filter.push(c);
            }
            _ => {}
        }
        self.go_to_first();
    }

    /// Sorts by the next of `columns`; after the last, as the list came.
    pub(super) fn sort_by_next(&mut self, columns: usize) {
        self.sort = match self.sort {
            None => Some(0),
            Some(column) if column + 1 < columns => Some(column + 1),
            Some(_) => None,
        };
    }
}
