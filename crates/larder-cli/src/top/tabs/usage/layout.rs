//! Which part of the tab holds what, at any size.
//!
//! It must not know what the parts show.

use ratatui::layout::{Constraint, Layout, Rect};

use super::Panel;

/// The view's parts; those that have no room are empty.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Areas {
    pub(super) totals: Rect,
    pub(super) hour: Rect,
    panels: [Rect; Panel::ALL.len()],
}

impl Areas {
    pub(super) fn panel(&self, panel: Panel) -> Rect {
        self.panels[panel as usize]
    }

    /// The rows of a panel's list, without its title and heading.
    pub(super) fn visible_rows(&self, panel: Panel) -> usize {
        usize::from(self.panel(panel).height).saturating_sub(2)
    }
}

/// Divides the tab: two columns where there is room, else one.
pub(super) fn arrange(body: Rect) -> Areas {
    if body.width >= 98 && body.height >= 22 {
        two_columns(body)
    } else {
        one_column(body)
    }
}

fn two_columns(body: Rect) -> Areas {
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(8),
        Constraint::Fill(3),
        Constraint::Fill(2),
    ])
    .areas(body);
    let halves = |area, left| {
        Layout::horizontal([left, Constraint::Fill(1)])
            .spacing(2)
            .areas::<2>(area)
    };
    let [totals, hour] = halves(top, Constraint::Length(44));
    let [models, projects] = halves(middle, Constraint::Fill(1));
    let [days, caches] = halves(bottom, Constraint::Length(36));
    Areas {
        totals,
        hour,
        panels: [models, projects, days, caches],
    }
}

fn one_column(body: Rect) -> Areas {
    let height = body.height;
    let days = if height >= 26 { 2 } else { 0 };
    let [totals, hour, models, projects, days, caches] = Layout::vertical([
        Constraint::Length(4),
        Constraint::Length(if height >= 22 { 4 } else { 3 }),
        Constraint::Fill(3),
        Constraint::Fill(3),
        Constraint::Fill(days),
        Constraint::Length(if height >= 22 { 5 } else { 3 }),
    ])
    .areas(body);
    Areas {
        totals,
        hour,
        panels: [models, projects, days, caches],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_but_the_days_shows_rows_at_60_by_20() {
        let areas = arrange(Rect::new(0, 0, 60, 18));
        for panel in [Panel::Models, Panel::Projects, Panel::Caches] {
            assert!(areas.visible_rows(panel) >= 1, "{panel:?}");
        }
        assert_eq!(areas.visible_rows(Panel::Days), 0);
    }

    #[test]
    fn no_part_overlaps_another_at_any_size() {
        for (width, height) in [(1, 1), (20, 5), (60, 20), (80, 30), (120, 40), (300, 100)] {
            let area = Rect::new(0, 0, width, height);
            let areas = arrange(area);
            let panels = Panel::ALL.map(|panel| areas.panel(panel));
            let all: Vec<_> = [areas.totals, areas.hour]
                .into_iter()
                .chain(panels)
                .collect();
            for (index, part) in all.iter().enumerate() {
                assert_eq!(area.intersection(*part).area(), part.area());
                for other in &all[..index] {
                    let shared = part.intersection(*other).area();
                    assert!(part.is_empty() || other.is_empty() || shared == 0);
                }
            }
        }
    }
}
