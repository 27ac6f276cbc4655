//! Draws one frame: header, what has gone wrong, the tab, footer; or what stands in their place while
//! there is nothing to show.
//!
//! It must not change anything nor read a clock.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, LineGauge, Padding, Paragraph, Widget, Wrap};

use super::press::HELP;
use super::state::State;
use super::theme::Theme;
use crate::args::{Tab, Window};
use crate::client::{Error, Status};
use crate::figures;

/// The most lines that an error takes above data that is still shown.
const NOTICE_ROWS_MAX: usize = 2;
/// The height of the screen from which on a tab has a line for the daemon's state.
const REASONS_FROM_HEIGHT: u16 = 16;
const PROGRAM: &str = "larder ";

/// The state as it is drawn at one moment.
pub(super) struct Screen<'a> {
    pub(super) state: &'a State,
    pub(super) now: Instant,
    pub(super) theme: Theme,
    /// Whether there are keys to press.
    pub(super) interactive: bool,
}

/// Where the parts are, one below the other.
pub(super) struct Frame {
    pub(super) header: Rect,
    pub(super) notice: Rect,
    pub(super) body: Rect,
    pub(super) footer: Rect,
}

impl Widget for Screen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let frame = self.frame(area);
        self.draw_header(frame.header, buffer);
        self.draw_notice(frame.notice, buffer);
        if self.state.has_data() {
            self.draw_tab(frame.body, buffer);
        } else {
            self.draw_waiting(self.state.error(), frame.body, buffer);
        }
        self.draw_footer(frame.footer, buffer);
        if self.state.is_help_open {
            self.draw_help(area, buffer);
        }
    }
}

impl Screen<'_> {
    pub(super) fn frame(&self, area: Rect) -> Frame {
        let columns = usize::from(area.width.max(1));
        let notice = self.notice().or_else(|| self.reasons(area.height));
        let rows = notice.map_or(0, |text| {
            let rows = Span::raw(text).width().div_ceil(columns);
            rows.min(NOTICE_ROWS_MAX)
        });
        let [header, notice, body, footer] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(rows as u16),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(area);
        Frame {
            header,
            notice,
            body,
            footer,
        }
    }

    pub(super) fn draw_tab(&self, area: Rect, buffer: &mut Buffer) {
        match self.state.tab {
            Tab::Overview => self.draw_overview(area, buffer),
            Tab::Caches => self.draw_caches_tab(area, buffer),
            Tab::Keys => self.draw_keys(area, buffer),
            Tab::Advice => self.draw_advice(area, buffer),
            Tab::Backends => self.draw_backends(area, buffer),
            Tab::Usage => self.draw_usage(area, buffer),
        }
    }

    /// What has gone wrong since the shown data came.
    fn notice(&self) -> Option<String> {
        let state = self.state;
        let error = state.error().filter(|_| state.has_data());
        let text = match (error, state.window_error()) {
            (Some(error), _) => error.to_string(),
            (None, Some(error)) if state.has_data() && self.is_of_window() => {
                let window = state.window.word();
                format!("no figures of the last {window}, but since the start: {error}")
            }
            _ => return None,
        };
        Some(figures::printable(&text))
    }

    /// Why the daemon is not ready, where another tab than the overview has room to say so.
    fn reasons(&self, height: u16) -> Option<String> {
        let status = self.state.status.value.as_ref()?;
        let has_room = height >= REASONS_FROM_HEIGHT && self.state.has_data();
        if status.state == "ready" || self.state.tab == Tab::Overview || !has_room {
            return None;
        }
        let reasons = status.reasons.join("; ");
        let text = format!("{} {}: {reasons}", state_mark(status), status.state);
        Some(figures::printable(text.trim_end_matches([':', ' '])))
    }

    /// Whether the tab shows rates and latencies.
    fn is_of_window(&self) -> bool {
        matches!(self.state.tab, Tab::Overview | Tab::Caches)
    }

    fn draw_header(&self, area: Rect, buffer: &mut Buffer) {
        let status = self.status();
        let room = area.width.saturating_sub(status.width() as u16);
        let [left, right] =
            Layout::horizontal([Constraint::Length(room), Constraint::Fill(1)]).areas(area);
        self.tabs(room).render(left, buffer);
        status.right_aligned().render(right, buffer);
    }

    /// All tabs by name where there is room; else all but the chosen one by number.
    fn tabs(&self, room: u16) -> Line<'static> {
        let room = usize::from(room);
        let named: usize = Tab::ALL.map(|tab| tab.title().len() + 4).iter().sum();
        let mut spans = Vec::new();
        if room >= named + PROGRAM.len() {
            spans.push(Span::styled(PROGRAM, self.theme.accent));
        }
        for (index, tab) in Tab::ALL.into_iter().enumerate() {
            let number = index + 1;
            spans.push(if tab == self.state.tab {
                Span::styled(format!("[{number} {}]", tab.title()), self.theme.strong)
            } else if room >= named {
                Span::styled(format!(" {number} {} ", tab.title()), self.theme.dim)
            } else {
                Span::styled(format!(" {number}"), self.theme.dim)
            });
        }
        Line::from(spans)
    }

    fn status(&self) -> Line<'static> {
        let state = self.state;
        let is_loading = state.tab == Tab::Usage && state.usage.is_loading();
        let (mark, style) = match (state.error(), state.has_data()) {
            (None, false) => ("asking", self.theme.dim),
            (None, true) if is_loading => ("loading", self.theme.dim),
            (None, true) if state.is_paused => ("‖ paused", self.theme.accent),
            (None, true) => ("● live", self.theme.good),
            (Some(Error::Unreachable { .. }), _) => ("○ no answer", self.theme.bad),
            (Some(Error::NotReady(_)), _) => ("◌ not ready", self.theme.bad),
            (Some(Error::Refused { .. }), _) => ("○ refused", self.theme.bad),
            (Some(_), _) => ("○ failing", self.theme.bad),
        };
        let is_old = state.error().is_some() || state.is_paused || state.tab == Tab::Usage;
        let age = state
            .data_age(self.now)
            .filter(|_| is_old)
            .map(figures::age);
        let age = age.map_or_else(String::new, |age| format!(" {age} old"));
        let window = match state.shown_window() {
            _ if !self.is_of_window() => String::new(),
            Window::All => " since start".to_owned(),
            window => format!(" last {}", window.word()),
        };
        Line::from(vec![
            Span::raw(format!("{window}{age} ")),
            Span::styled(mark, style),
        ])
    }

    fn draw_notice(&self, area: Rect, buffer: &mut Buffer) {
        // What there is no room for got none.
        if let Some(text) = self.notice().or_else(|| self.reasons(u16::MAX)) {
            Paragraph::new(text)
                .style(self.theme.bad)
                .wrap(Wrap { trim: true })
                .render(area, buffer);
        }
    }

    fn draw_footer(&self, area: Rect, buffer: &mut Buffer) {
        let mut room = area.width;
        if self.state.tab == Tab::Usage {
            let requests = self.requests();
            room = room.saturating_sub(requests.width() as u16 + 1);
            requests.right_aligned().render(area, buffer);
        }
        let keys = self.footer_keys();
        let fits = keys
            .iter()
            .find(|keys| Span::raw(**keys).width() <= usize::from(room));
        if let Some(keys) = fits.filter(|_| self.interactive) {
            Line::styled(*keys, self.theme.dim).render(area, buffer);
        }
        if let Some(filter) = self.typed_filter() {
            Clear.render(area, buffer);
            Line::raw(format!("filter: {filter}▏  Enter keeps it, Esc drops it"))
                .render(area, buffer);
        }
    }

    /// The keys of the tab, from the longest list of them to the shortest.
    fn footer_keys(&self) -> [&'static str; 2] {
        let long = match self.state.tab {
            Tab::Overview => "q quit  1–6 tab  w window  p pause  r now  ? help",
            Tab::Caches if self.state.opened.is_some() => "Esc back  3 its keys  w window  ? help",
            Tab::Caches => "q quit  ↑↓ Enter open  s S sort  / filter  w window  ? help",
            Tab::Keys => "q quit  ←→ list  c cache  ↑↓ e explain  / filter  ? help",
            Tab::Advice | Tab::Backends => "q quit  ↑↓ choose  p pause  r now  ? help",
            Tab::Usage => "q quit  t w m a range  ←→ list  ↑↓ scroll  ? help",
        };
        [long, "q quit  ? help"]
    }

    fn typed_filter(&self) -> Option<String> {
        let list = match self.state.tab {
            Tab::Caches => &self.state.list,
            Tab::Keys => &self.state.keys_list,
            _ => return None,
        };
        list.is_typing.then(|| figures::printable(&list.filter))
    }

    /// What stands in the place of data: why there is none.
    pub(super) fn draw_waiting(&self, error: Option<&Error>, area: Rect, buffer: &mut Buffer) {
        let lines = self.waiting_lines(error);
        let progress = match error {
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

    fn waiting_lines(&self, error: Option<&Error>) -> Vec<Line<'static>> {
        let text = |text: &str| Line::raw(figures::printable(text));
        match error {
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
                let places = problem.looked_in.iter();
                lines.extend(places.map(|place| text(&format!("  {place}"))));
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
}

/// How the daemon stands, in a sign.
pub(super) fn state_mark(status: &Status) -> &'static str {
    match status.state.as_str() {
        "ready" => "●",
        "degraded" => "◐",
        _ => "○",
    }
}

pub(super) fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let [column] = Layout::horizontal([Constraint::Max(width)])
        .flex(Flex::Center)
        .areas(area);
    let [place] = Layout::vertical([Constraint::Max(height)])
        .flex(Flex::Center)
        .areas(column);
    place
}
