//! What to change, with the evidence and what it would do.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget as _, Wrap};

use crate::client::{Curve, Recommendation};
use crate::figures;
use crate::top::screen::Screen;
use crate::top::state::State;
use crate::top::table::{Column, Table, titled};

/// How many recommendations there are.
pub(in crate::top) fn rows(state: &State) -> usize {
    state
        .advice
        .value
        .as_ref()
        .map_or(0, |advice| advice.recommendations.len())
}

impl Screen<'_> {
    pub(in crate::top) fn draw_advice(&self, area: Rect, buffer: &mut Buffer) {
        let state = self.state;
        let Some(advice) = &state.advice.value else {
            let why = state.advice.error.as_ref().map_or_else(
                || " Asking …".to_owned(),
                |error| format!(" This daemon gives no advice: {error}"),
            );
            Paragraph::new(figures::printable(&why))
                .wrap(Wrap { trim: false })
                .block(titled(" Advice ".to_owned(), self.theme))
                .render(area, buffer);
            return;
        };
        let all = &advice.recommendations;
        let Some(chosen) = all.get(state.advice_list.selected(all.len())) else {
            Paragraph::new(" Nothing to change, as far as has been seen.")
                .wrap(Wrap { trim: false })
                .block(titled(" Advice ".to_owned(), self.theme))
                .render(area, buffer);
            return;
        };
        let most = (area.height / 2).max(3);
        let [list, detail] = Layout::vertical([
            Constraint::Length((all.len() as u16 + 2).min(most)),
            Constraint::Fill(1),
        ])
        .areas(area);
        Table {
            title: format!("Advice: {}", all.len()),
            columns: &columns(),
            rows: all,
            list: Some(&state.advice_list),
            theme: self.theme,
        }
        .draw(list, buffer);
        let curve = advice
            .curves
            .iter()
            .find(|curve| curve.cache == chosen.cache);
        Paragraph::new(self.detail(chosen, curve))
            .wrap(Wrap { trim: false })
            .block(titled(" Why, and what then ".to_owned(), self.theme))
            .render(detail, buffer);
    }

    fn detail(&self, chosen: &Recommendation, curve: Option<&Curve>) -> Vec<Line<'static>> {
        let text = |text: &str| figures::printable(text);
        let row = |name: &str, value: String| {
            Line::from(vec![
                Span::styled(format!("  {name:<10}"), self.theme.dim),
                Span::raw(text(&value)),
            ])
        };
        let mut lines = vec![
            Line::styled(text(&chosen.title), self.theme.strong),
            Line::raw(text(&chosen.text)),
        ];
        if let Some(change) = &chosen.change {
            lines.push(row(
                "change",
                format!("{}: {} → {}", change.setting, change.from, change.to),
            ));
        }
        lines.extend(chosen.predicted.iter().map(|would| {
            let (from, to) = (
                number(would.from, &would.unit),
                number(would.to, &would.unit),
            );
            row("predicted", format!("{}: {from} → {to}", would.name))
        }));
        lines.extend(chosen.evidence.iter().map(|seen| {
            row(
                "seen",
                format!("{}: {}", seen.name, number(seen.value, &seen.unit)),
            )
        }));
        if let Some(curve) = curve.filter(|curve| !curve.points.is_empty()) {
            let points = curve.points.iter().map(|point| {
                let capacity = figures::short(point.capacity);
                format!("{capacity}: {}", figures::percent(Some(point.hit_rate)))
            });
            let points = points.collect::<Vec<_>>().join(", ");
            lines.push(row("hit rates", format!("by capacity {points}")));
        }
        lines.push(row("see", chosen.docs.clone()));
        lines
    }
}

fn columns() -> [Column<Recommendation>; 3] {
    let as_told = |_: &Recommendation, _: &Recommendation| Ordering::Equal;
    let column = |name, width, from_width, show| {
        Column::<Recommendation>::new(name, width, from_width, show, as_told)
    };
    [
        column("what", 0, 0, |one| figures::printable(&one.title)),
        column("level", 10, 0, level),
        column("cache", 22, 90, |one| figures::printable(&one.cache)),
    ]
}

fn level(one: &Recommendation) -> String {
    let mark = match one.level.as_str() {
        "critical" => "‼",
        "warning" => "!",
        _ => "i",
    };
    format!("{mark} {}", figures::printable(&one.level))
}

fn number(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => figures::percent(Some(value)),
        "ms" => figures::latency(Some(value * 1e6)),
        "per_second" => format!("{}/s", figures::rate(Some(value))),
        "" | "weight" => figures::rate(Some(value)),
        unit => format!("{} {unit}", figures::rate(Some(value))),
    }
}
