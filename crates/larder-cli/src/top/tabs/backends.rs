//! What stands behind the caches, and how.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget as _, Wrap};

use crate::client::Backend;
use crate::figures;
use crate::top::screen::Screen;
use crate::top::state::State;
use crate::top::table::{Column, Table, by_figure, titled};

/// How many backends there are.
pub(in crate::top) fn rows(state: &State) -> usize {
    state
        .status
        .value
        .as_ref()
        .map_or(0, |status| status.backends.len())
}

impl Screen<'_> {
    pub(in crate::top) fn draw_backends(&self, area: Rect, buffer: &mut Buffer) {
        let state = self.state;
        let backends = state
            .status
            .value
            .as_ref()
            .map_or(&[][..], |status| &status.backends);
        let Some(chosen) = backends.get(state.backends_list.selected(backends.len())) else {
            let why = state.status.error.as_ref().map_or_else(
                || " None are known.".to_owned(),
                |error| format!(" This daemon tells nothing of backends: {error}"),
            );
            Paragraph::new(figures::printable(&why))
                .wrap(Wrap { trim: false })
                .block(titled(" Backends ".to_owned(), self.theme))
                .render(area, buffer);
            return;
        };
        let [list, detail] = Layout::vertical([
            Constraint::Length((backends.len() as u16 + 2).min((area.height * 2 / 3).max(3))),
            Constraint::Fill(1),
        ])
        .areas(area);
        Table {
            title: "Backends".to_owned(),
            columns: &columns(),
            rows: backends,
            list: Some(&state.backends_list),
            theme: self.theme,
        }
        .draw(list, buffer);
        let name = format!(" {} ", figures::printable(&chosen.name));
        Paragraph::new(self.about(chosen))
            .wrap(Wrap { trim: false })
            .block(titled(name, self.theme))
            .render(detail, buffer);
    }

    fn about(&self, backend: &Backend) -> Vec<Line<'static>> {
        let line =
            |what: &str, text: &str| Line::raw(figures::printable(&format!(" {what}: {text}")));
        let mut lines = vec![line("behind", &backend.caches.join(", "))];
        if let Some(reason) = &backend.reason {
            lines.push(line("why", reason).style(self.theme.bad));
        }
        let is_other = backend.last_error != backend.reason;
        if let Some(error) = backend.last_error.as_ref().filter(|_| is_other) {
            lines.push(line("last error", error).style(self.theme.bad));
        }
        lines
    }
}

fn columns() -> [Column<Backend>; 6] {
    let column = Column::<Backend>::new;
    [
        column(
            "backend",
            0,
            0,
            |one: &Backend| figures::printable(&one.name),
            |one, other| one.name.cmp(&other.name),
        ),
        column(
            "kind",
            8,
            48,
            |one| figures::printable(&one.kind),
            |one, other| one.kind.cmp(&other.kind),
        ),
        column("state", 11, 0, state, |one, other| {
            one.state.cmp(&other.state)
        }),
        column(
            "breaker",
            9,
            56,
            |one| figures::printable(one.breaker.as_deref().unwrap_or("–")),
            |one, other| one.breaker.cmp(&other.breaker),
        ),
        column(
            "lag",
            7,
            0,
            |one| figures::latency(one.lag_ms.map(|ms| ms * 1e6)),
            |one, other| by_figure(one.lag_ms, other.lag_ms),
        ),
        column(
            "caches",
            7,
            64,
            |one| one.caches.len().to_string(),
            |one, other| other.caches.len().cmp(&one.caches.len()),
        ),
    ]
}

fn state(backend: &Backend) -> String {
    let mark = match backend.state.as_str() {
        "up" => "●",
        "degraded" => "◐",
        _ => "○",
    };
    format!("{mark} {}", figures::printable(&backend.state))
}
