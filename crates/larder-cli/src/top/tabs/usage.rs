//! What the session logs add up to: totals, the last hour, models, projects, days.

mod hour;
mod layout;
mod panels;
mod state;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline, Widget as _};

use crate::client::Stats;
use crate::figures;
use crate::top::screen::Screen;
use crate::top::table::titled;

pub(in crate::top) use state::{Panel, UsageState};

impl Screen<'_> {
    pub(in crate::top) fn draw_usage(&self, area: Rect, buffer: &mut Buffer) {
        let Some(stats) = &self.state.usage.stats.value else {
            return;
        };
        let areas = layout::arrange(area);
        self.draw_totals(stats, areas.totals, buffer);
        self.draw_hour(areas.hour, buffer);
        self.draw_models(areas.panel(Panel::Models), buffer);
        self.draw_projects(areas.panel(Panel::Projects), buffer);
        self.draw_days(areas.panel(Panel::Days), buffer);
        self.draw_usage_caches(areas.panel(Panel::Caches), buffer);
    }

    fn draw_totals(&self, stats: &Stats, area: Rect, buffer: &mut Buffer) {
        let title = format!(" As logged, {} ", self.state.usage.shown_range.title());
        let block = titled(title, self.theme);
        let inner = block.inner(area);
        block.render(area, buffer);
        let lines = if inner.height >= 7 {
            self.tall_totals(stats)
        } else {
            self.flat_totals(stats)
        };
        Paragraph::new(lines).render(inner, buffer);
    }

    fn tall_totals(&self, stats: &Stats) -> Vec<Line<'static>> {
        let usage = &stats.totals.usage;
        let row = |name: &str, value: String| {
            Line::from(vec![
                Span::styled(format!(" {name:<13}"), self.theme.dim),
                Span::styled(format!("{value:>20}"), self.theme.plain),
            ])
        };
        vec![
            Line::from(vec![
                Span::styled(format!(" {:<13}", "cost"), self.theme.dim),
                Span::styled(
                    format!("{:>20}", figures::money(usage.cost_usd)),
                    self.theme.accent,
                ),
            ]),
            row("messages", figures::count(usage.messages)),
            row("input", figures::count(usage.input_tokens)),
            row("output", figures::count(usage.output_tokens)),
            row("cache writes", figures::count(usage.cache_creation_tokens)),
            row("cache reads", figures::count(usage.cache_read_tokens)),
            match stats.totals.unpriced_messages {
                0 => row("tokens", figures::count(usage.total_tokens)),
                number => Line::styled(
                    format!(" {} messages have no price", figures::count(number)),
                    self.theme.bad,
                ),
            },
        ]
    }

    fn flat_totals(&self, stats: &Stats) -> Vec<Line<'static>> {
        let usage = &stats.totals.usage;
        let unpriced = match stats.totals.unpriced_messages {
            0 => String::new(),
            number => format!(", {} unpriced", figures::short(number)),
        };
        vec![
            Line::from(vec![
                Span::styled(
                    format!(" {}", figures::money(usage.cost_usd)),
                    self.theme.accent,
                ),
                Span::raw(format!("  {} tokens", figures::short(usage.total_tokens))),
                Span::raw(format!(
                    "  {} messages{unpriced}",
                    figures::short(usage.messages)
                )),
            ]),
            Line::raw(format!(
                " in {}  out {}  cache writes {}  cache reads {}",
                figures::short(usage.input_tokens),
                figures::short(usage.output_tokens),
                figures::short(usage.cache_creation_tokens),
                figures::short(usage.cache_read_tokens)
            )),
            Line::styled(
                format!(
                    " {} files, {}, {} lines skipped",
                    figures::count(stats.scan.files),
                    figures::bytes(stats.scan.bytes),
                    figures::short(stats.scan.skipped_lines)
                ),
                self.theme.dim,
            ),
        ]
    }

    fn draw_hour(&self, area: Rect, buffer: &mut Buffer) {
        let history = self.state.usage.history.value.as_ref();
        let points = history.map_or(&[][..], |history| &history.points);
        let slices = hour::slices(points, usize::from(area.width));
        let spent: f64 = slices.iter().flatten().sum();
        let title = match (&self.state.usage.history.error, history) {
            (Some(error), None) => format!(" Cost added: {error} "),
            _ => format!(" Cost added in up to an hour: {} ", figures::money(spent)),
        };
        let micro_dollars = slices
            .iter()
            .map(|slice| slice.map(|dollars| (dollars * 1e6).round() as u64));
        Sparkline::default()
            .data(micro_dollars)
            .absent_value_symbol("·")
            .absent_value_style(self.theme.dim)
            .style(self.theme.good)
            .block(titled(figures::printable(&title), self.theme))
            .render(area, buffer);
    }

    /// What the daemon has answered since its start.
    pub(in crate::top) fn requests(&self) -> Line<'static> {
        let Some(requests) = self.state.usage.requests() else {
            return Line::default();
        };
        let mean_ns = requests.avg_response_time_ms * 1e6;
        let text = format!(
            "{} requests, {} failed, mean {}  up {}",
            figures::short(requests.total),
            figures::short(requests.failed),
            figures::latency((requests.total > 0).then_some(mean_ns)),
            figures::age(figures::from_ms(requests.uptime_seconds * 1e3))
        );
        Line::styled(text, self.theme.dim)
    }
}
