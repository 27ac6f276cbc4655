//! How all stands: the state, what the caches save, what they do, who answers.

mod tiles;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline, Widget as _};

use super::{caches, waterfall};
use crate::client::Status;
use crate::figures;
use crate::top::screen::{Screen, state_mark};
use crate::top::table::{fitted, wrapped};
use crate::top::trail::Point;
use tiles::Tile;

/// The reasons that are shown above the figures, and the lines that each may take.
const REASONS_MAX: usize = 2;
const REASON_LINES_MAX: usize = 3;
/// The figure that begins each row, and the blanks around it.
const LEFT_WIDTH: u16 = 22;

/// The rows that all of it takes, with every cache.
pub(in crate::top) fn full_height(screen: &Screen<'_>, width: u16) -> u16 {
    let caches = screen.state.reading.caches.len() as u16;
    let state = screen.state_lines(width).len() + screen.tiles().len();
    state as u16 + waterfall::height(&screen.state.reading.caches) + caches + 2
}

impl Screen<'_> {
    pub(in crate::top) fn draw_overview(&self, area: Rect, buffer: &mut Buffer) {
        let reading = &self.state.reading;
        let (state, tiles) = (self.state_lines(area.width), self.tiles());
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
        Paragraph::new(state).render(top, buffer);
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

    fn state_lines(&self, width: u16) -> Vec<Line<'static>> {
        let width = usize::from(width);
        let Some(status) = &self.state.status.value else {
            let error = self.state.status.error.as_ref();
            let why = error.map_or_else(String::new, |error| format!(" {error}"));
            let text = figures::printable(&format!("state unknown:{why}"));
            let lines = wrapped(&text, width).into_iter().take(REASON_LINES_MAX);
            return lines
                .map(|line| Line::styled(line, self.theme.dim))
                .collect();
        };
        let mut lines = vec![self.state_line(status, width)];
        for reason in status.reasons.iter().take(REASONS_MAX) {
            let reason = wrapped(&figures::printable(reason), width.saturating_sub(2));
            let reason = reason.into_iter().take(REASON_LINES_MAX);
            lines.extend(reason.map(|line| Line::styled(format!("  {line}"), self.theme.bad)));
        }
        if status.reasons.len() > REASONS_MAX {
            let more = status.reasons.len() - REASONS_MAX;
            lines.push(Line::styled(
                format!("  and {more} more: tab 5"),
                self.theme.bad,
            ));
        }
        lines
    }

    /// The state, of which daemon it is, and for whom; what there is no room for is left out.
    fn state_line(&self, status: &Status, width: usize) -> Line<'static> {
        let style = match status.state.as_str() {
            "ready" => self.theme.good,
            _ => self.theme.bad,
        };
        let who = match (&status.role, &status.actor) {
            (Some(role), Some(actor)) => format!("{role} ({actor})"),
            (Some(role), None) => format!("{role} (no token)"),
            (None, _) => "no role".to_owned(),
        };
        let up = figures::age(figures::from_ms(status.uptime_seconds * 1e3));
        let state = format!("{} {}", state_mark(status), status.state);
        let state = figures::printable(&state);
        let what = format!("  {} {}  up {up}  {who}", status.name, status.version);
        let what = figures::printable(&what);
        let url = format!("  {}", self.state.url);
        let room = width.saturating_sub(Span::raw(state.as_str()).width());
        let [what_width, url_width] = [&what, &url].map(|text| Span::raw(text.as_str()).width());
        let mut spans = vec![Span::styled(state, style), Span::raw(fitted(&what, room))];
        if what_width + url_width <= room {
            spans.push(Span::styled(url, self.theme.dim));
        }
        Line::from(spans)
    }

    fn draw_tile(&self, tile: &Tile, row: Rect, buffer: &mut Buffer) {
        let right = row.width.saturating_sub(LEFT_WIDTH);
        // One look alone is no line.
        let went = tile.went.filter(|_| self.interactive);
        let detail = match (went, right) {
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
        if let Some(of) = went {
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
