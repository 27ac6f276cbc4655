//! Draws one frame: header, totals, the last hour, the lists, footer; or what
//! stands in their place while there is nothing to show.
//!
//! It must not change anything nor read a clock.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{
    Block, Borders, Clear, LineGauge, Padding, Paragraph, Sparkline, Widget, Wrap,
};

use super::hour;
use super::layout::{Areas, arrange};
use super::state::{Panel, State};
use super::theme::Theme;
use crate::args::Range;
use crate::client::{Error, Stats};
use crate::figures;

const HELP: &str = "\
q, Esc   quit
t w m a  today, 7 days, 30 days, all time
Tab ← →  choose a list
↑ ↓      scroll it; PgUp, PgDn, Home, End too
r        ask the daemon now
?        close this";

/// The most lines that an error takes above data that is still shown.
const NOTICE_ROWS_MAX: usize = 2;

/// The state as it is drawn at one moment.
pub(super) struct Screen<'a> {
    pub(super) state: &'a State,
    pub(super) now: Instant,
    pub(super) theme: Theme,
    /// Whether there are keys to press.
    pub(super) interactive: bool,
}

impl Widget for Screen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let areas = self.areas(area);
        self.draw_header(areas.header, buffer);
        match &self.state.stats.value {
            Some(stats) => {
                self.draw_notice(areas.notice, buffer);
                self.draw_data(stats, &areas, buffer);
                self.draw_footer(areas.footer, buffer);
            }
            None => self.draw_waiting(areas.body, buffer),
        }
        if self.state.is_help_open {
            self.draw_help(area, buffer);
        }
    }
}

impl Screen<'_> {
    /// Where the parts are.
    pub(super) fn areas(&self, area: Rect) -> Areas {
        let columns = usize::from(area.width.max(1));
        let rows = self.notice().map_or(0, |text| {
            let rows = Span::raw(text).width().div_ceil(columns);
            rows.min(NOTICE_ROWS_MAX)
        });
        arrange(area, rows as u16)
    }

    /// What has gone wrong since the shown data came.
    fn notice(&self) -> Option<String> {
        let stats = &self.state.stats;
        let error = stats.error.as_ref().filter(|_| stats.value.is_some())?;
        Some(figures::printable(&error.to_string()))
    }

    fn draw_header(&self, area: Rect, buffer: &mut Buffer) {
        let state = self.state;
        let mut left = vec![Span::styled("larder ", self.theme.accent)];
        if area.width >= 90 {
            left.push(Span::raw(format!("{} ", state.url)));
        }
        for range in [Range::Today, Range::Week, Range::Month, Range::All] {
            left.push(if range == state.range {
                Span::styled(format!("[{}]", range.word()), self.theme.strong)
            } else {
                Span::styled(format!(" {} ", range.word()), self.theme.dim)
            });
        }
        Line::from(left).render(area, buffer);
        self.status().right_aligned().render(area, buffer);
    }

    fn status(&self) -> Line<'static> {
        let state = self.state;
        let age = state.data_age(self.now).map(figures::age);
        let age = age.map_or_else(String::new, |age| format!("data {age} old "));
        let (mark, style) = match (&state.stats.error, &state.stats.value) {
            (None, None) => ("asking", self.theme.dim),
            (None, Some(_)) if state.shown_range != state.range => ("loading", self.theme.dim),
            (None, Some(_)) => ("● live", self.theme.good),
            (Some(Error::Unreachable { .. }), _) => ("○ no answer", self.theme.bad),
            (Some(Error::NotReady(_)), _) => ("◌ not ready", self.theme.bad),
            (Some(Error::Refused { .. }), _) => ("○ refused", self.theme.bad),
            (Some(_), _) => ("○ failing", self.theme.bad),
        };
        Line::from(vec![Span::raw(age), Span::styled(mark, style)])
    }

    fn draw_notice(&self, area: Rect, buffer: &mut Buffer) {
        if let Some(text) = self.notice() {
            Paragraph::new(text)
                .style(self.theme.bad)
                .wrap(Wrap { trim: true })
                .render(area, buffer);
        }
    }

    fn draw_data(&self, stats: &Stats, areas: &Areas, buffer: &mut Buffer) {
        self.draw_totals(stats, areas.totals, buffer);
        self.draw_hour(areas.hour, buffer);
        self.draw_models(areas.panel(Panel::Models), buffer);
        self.draw_projects(areas.panel(Panel::Projects), buffer);
        self.draw_days(areas.panel(Panel::Days), buffer);
        self.draw_caches(areas.panel(Panel::Caches), buffer);
    }

    fn draw_totals(&self, stats: &Stats, area: Rect, buffer: &mut Buffer) {
        let title = format!(" As logged, {} ", self.state.shown_range.title());
        let block = self.titled(title);
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
        let history = self.state.history.value.as_ref();
        let points = history.map_or(&[][..], |history| &history.points);
        let slices = hour::slices(points, usize::from(area.width));
        let spent: f64 = slices.iter().flatten().sum();
        let title = match (&self.state.history.error, history) {
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
            .block(self.titled(figures::printable(&title)))
            .render(area, buffer);
    }

    fn draw_footer(&self, area: Rect, buffer: &mut Buffer) {
        let keys = match area.width {
            _ if !self.interactive => "",
            100.. => "q quit  t w m a range  Tab list  ↑↓ scroll  ? help",
            _ => "q quit  ? help",
        };
        Line::styled(keys, self.theme.dim).render(area, buffer);
        let Some(requests) = self.state.requests() else {
            return;
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
            .right_aligned()
            .render(area, buffer);
    }

    fn draw_waiting(&self, area: Rect, buffer: &mut Buffer) {
        let lines = self.waiting_lines();
        let progress = match &self.state.stats.error {
            Some(Error::NotReady(problem)) => problem.progress,
            _ => None,
        };
        let width = area.width.saturating_sub(4).min(76);
        let rows = lines
            .iter()
            .map(|line| line.width().div_ceil(usize::from(width.max(1))) + 1);
        let area = centred(area, width, rows.sum::<usize>() as u16 + 2);
        Paragraph::new(lines)
            .wrap(Wrap { trim: false })
            .render(area, buffer);
        if let (Some(progress), Some(last)) = (progress, area.rows().next_back()) {
            LineGauge::default()
                .ratio(progress.fraction())
                .filled_style(self.theme.good)
                .render(last, buffer);
        }
    }

    fn waiting_lines(&self) -> Vec<Line<'static>> {
        let text = |text: &str| Line::raw(figures::printable(text));
        match &self.state.stats.error {
            None => vec![text(&format!("Asking {} …", self.state.url))],
            Some(Error::NotReady(problem)) => {
                // The title may be no more than the status in words.
                let what = match problem.detail.as_str() {
                    "" => &problem.title,
                    detail => detail,
                };
                let mut lines = vec![text(what).style(self.theme.strong)];
                lines.extend(
                    problem
                        .progress
                        .map(|progress| Line::raw(progress.to_string())),
                );
                if !problem.looked_in.is_empty() {
                    lines.push(text("Looked in:"));
                }
                lines.extend(
                    problem
                        .looked_in
                        .iter()
                        .map(|place| text(&format!("  {place}"))),
                );
                lines.extend(problem.hint.as_deref().map(text));
                lines
            }
            Some(error) => vec![
                Line::styled(figures::printable(&error.to_string()), self.theme.bad),
                text("Trying again."),
            ],
        }
    }

    fn draw_help(&self, area: Rect, buffer: &mut Buffer) {
        let lines = HELP.lines().count() as u16;
        let area = centred(area, 54, lines + 2);
        Clear.render(area, buffer);
        let block = Block::bordered()
            .title_top(Line::styled(" Keys ", self.theme.accent))
            .padding(Padding::horizontal(1));
        Paragraph::new(HELP).block(block).render(area, buffer);
    }

    fn titled(&self, title: String) -> Block<'static> {
        Block::new()
            .borders(Borders::TOP)
            .border_style(self.theme.dim)
            .title_top(Line::styled(title, self.theme.strong))
    }
}

fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let [column] = Layout::horizontal([Constraint::Max(width)])
        .flex(Flex::Center)
        .areas(area);
    let [place] = Layout::vertical([Constraint::Max(height)])
        .flex(Flex::Center)
        .areas(column);
    place
}
