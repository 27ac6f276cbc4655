//! How all stands: the state, what the caches save, what they do, who answers.

mod tiles;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline, Widget as _, Wrap};

use super::{caches, waterfall};
use crate::figures;
use crate::top::screen::Screen;
use crate::top::table::fitted;
use crate::top::trail::Point;
use tiles::Tile;

/// The reasons that are shown above the figures.
const REASONS_MAX: usize = 2;
/// The figure that begins each row, and the blanks around it.
const LEFT_WIDTH: u16 = 22;

/// The rows that all of it takes, with every cache.
pub(in crate::top) fn full_height(screen: &Screen<'_>) -> u16 {
    let caches = screen.state.reading.caches.len() as u16;
    let state = screen.state_lines().len() + screen.tiles().len();
    state as u16 + waterfall::height(&screen.state.reading.caches) + caches + 2
}

impl Screen<'_> {
    pub(in crate::top) fn draw_overview(&self, area: Rect, buffer: &mut Buffer) {
        let reading = &self.state.reading;
        let (state, tiles) = (self.state_lines(), self.tiles());
        let above = (state.len() + tiles.len()) as u16;
        let rest = area.height.saturating_sub(above);
        let tiers = Some(waterfall::height(&reading.caches))
            .filter(|rows| *rows <= rest)
            .unwrap_or(0);
        let table = Some(rest - tiers).filter(|rows| *rows >= 3).unwrap_or(0);
        let [top, middle, waterfall, bottom] = Layout::vertical([
            Constraint::Length(state.len() as u16),
            Constraint::Length(tiles.len() as u16),
            Constraint::Length(tiers),
            Constraint::Length(table),
        ])
        .areas(area);
        Paragraph::new(state)
            .wrap(Wrap { trim: false })
            .render(top, buffer);
        for (tile, row) in tiles.into_iter().zip(middle.rows()) {
            self.draw_tile(&tile, row, buffer);
        }
        if tiers > 0 {
            self.draw_waterfall(&reading.all, &reading.caches, waterfall, buffer);
        }
        if table > 0 {
            self.draw_cache_rows(&caches::busiest(self.state), None, bottom, buffer);
        }
    }

    fn state_lines(&self) -> Vec<Line<'static>> {
        let Some(status) = &self.state.status.value else {
            let error = self.state.status.error.as_ref();
            let why = error.map_or_else(String::new, |error| format!(" {error}"));
            return vec![Line::styled(
                format!("state unknown:{}", figures::printable(&why)),
                self.theme.dim,
            )];
        };
        let (mark, style) = match status.state.as_str() {
            "ready" => ("●", self.theme.good),
            "degraded" => ("◐", self.theme.bad),
            _ => ("○", self.theme.bad),
        };
        let who = match (&status.role, &status.actor) {
            (Some(role), Some(actor)) => format!("{role} ({actor})"),
            (Some(role), None) => format!("{role} (no token)"),
            (None, _) => "no role".to_owned(),
        };
        let up = figures::age(figures::from_ms(status.uptime_seconds * 1e3));
        let what = format!("  {} {}  up {up}  {who}", status.name, status.version);
        let mut lines = vec![Line::from(vec![
            Span::styled(
                format!("{mark} {}", figures::printable(&status.state)),
                style,
            ),
            Span::raw(figures::printable(&what)),
            Span::styled(format!("  {}", self.state.url), self.theme.dim),
        ])];
        let reasons = status.reasons.iter().take(REASONS_MAX);
        lines.extend(reasons.map(|reason| {
            Line::styled(format!("  {}", figures::printable(reason)), self.theme.bad)
        }));
        if status.reasons.len() > REASONS_MAX {
            let more = status.reasons.len() - REASONS_MAX;
            lines.push(Line::styled(
                format!("  and {more} more: tab 5"),
                self.theme.bad,
            ));
        }
        lines
    }

    fn draw_tile(&self, tile: &Tile, row: Rect, buffer: &mut Buffer) {
        let right = row.width.saturating_sub(LEFT_WIDTH);
        let detail = match (tile.went, right) {
            (None, _) => right,
            (Some(_), ..=38) => 0,
            (Some(_), _) => (right * 5 / 8).min(52),
        };
        let [left, detail, spark] = Layout::horizontal([
            Constraint::Length(LEFT_WIDTH),
            Constraint::Length(detail),
            Constraint::Fill(1),
        ])
        .areas(row);
        Line::from(vec![
            Span::styled(format!(" {:<11}", tile.name), self.theme.dim),
            Span::styled(format!("{:>8}", tile.value), tile.style),
        ])
        .render(left, buffer);
        let text = fitted(&tile.detail, usize::from(detail.width).saturating_sub(1));
        Line::styled(text, self.theme.dim).render(detail, buffer);
        if let Some(of) = tile.went {
            self.draw_spark(of, spark, buffer);
        }
    }

    fn draw_spark(&self, of: fn(&Point) -> Option<f64>, area: Rect, buffer: &mut Buffer) {
        let columns = self.state.trail.columns(usize::from(area.width), of);
        let most = columns
            .iter()
            .flatten()
            .fold(0.0, |most: f64, value| most.max(*value));
        let scale = if most > 0.0 { 1_000.0 / most } else { 0.0 };
        let columns = columns
            .into_iter()
            .map(|value| value.map(|value| (value * scale).round() as u64));
        Sparkline::default()
            .data(columns)
            .max(1_000)
            .absent_value_symbol("·")
            .absent_value_style(self.theme.dim)
            .style(self.theme.good)
            .render(area, buffer);
    }
}
