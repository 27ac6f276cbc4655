//! The few styles of the view, with colours or without.

use ratatui::style::{Color, Modifier, Style};

/// Styles by purpose. Without colours, nothing is told by style alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theme {
    pub(super) strong: Style,
    pub(super) accent: Style,
    pub(super) good: Style,
    pub(super) bad: Style,
    pub(super) dim: Style,
    pub(super) plain: Style,
}

impl Theme {
    pub(super) fn new(colours: bool) -> Self {
        let colour = |colour| {
            if colours {
                Style::new().fg(colour)
            } else {
                Style::new()
            }
        };
        Self {
            strong: Style::new().add_modifier(Modifier::BOLD),
            accent: colour(Color::Cyan).add_modifier(Modifier::BOLD),
            good: colour(Color::Green),
            bad: colour(Color::Red).add_modifier(Modifier::BOLD),
            dim: Style::new().add_modifier(Modifier::DIM),
            plain: Style::new(),
        }
    }
}
