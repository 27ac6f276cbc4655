//! What is known of usage, and which list of it the user looks at.
//!
//! It must not draw, ask the daemon or read a clock.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::layout::arrange;
use crate::args::Range;
use crate::client::{History, Requests, Stats};
use crate::figures;
use crate::top::known::{Asked, Latest};

/// A list that can be scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::top) enum Panel {
    Models,
    Projects,
    Days,
    Caches,
}

impl Panel {
    pub(in crate::top) const ALL: [Self; 4] =
        [Self::Models, Self::Projects, Self::Days, Self::Caches];

    fn moved(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }
}

#[derive(Debug)]
pub(in crate::top) struct UsageState {
    /// The range that the user wants.
    pub(in crate::top) range: Range,
    /// The range of the totals that are there.
    pub(super) shown_range: Range,
    pub(in crate::top) stats: Latest<Stats>,
    pub(super) history: Latest<History>,
    pub(in crate::top) focus: Panel,
    scrolled: [usize; Panel::ALL.len()],
}

impl UsageState {
    pub(in crate::top) fn new(range: Range) -> Self {
        Self {
            range,
            shown_range: range,
            stats: Latest::default(),
            history: Latest::default(),
            focus: Panel::Models,
            scrolled: [0; Panel::ALL.len()],
        }
    }

    /// Takes in what was asked. Totals of a range that the user has left meanwhile are passed over.
    pub(in crate::top) fn take(
        &mut self,
        range: Range,
        stats: Asked<Stats>,
        history: Asked<History>,
        at: Instant,
    ) {
        if range == self.range {
            if matches!(stats, Asked::New(_)) {
                self.shown_range = range;
            }
            self.stats.take(stats, at);
        }
        self.history.take(history, at);
    }

    /// Whether the totals are not yet those of the wanted range.
    pub(in crate::top) fn is_loading(&self) -> bool {
        self.shown_range != self.range
    }

    /// How long ago the daemon last made sure that the totals are right. While
    /// nothing changes it sends no new totals; the history tells then.
    pub(in crate::top) fn data_age(&self, now: Instant) -> Option<Duration> {
        let stats = self.stats.value.as_ref()?;
        let of_totals = figures::from_ms(stats.snapshot.age_ms) + self.stats.held(now)?;
        let of_history = self.history_age(now);
        let is_current = self.stats.error.is_none() && self.shown_range == self.range;
        let latest = of_history.filter(|_| is_current);
        Some(latest.map_or(of_totals, |age| age.min(of_totals)))
    }

    fn history_age(&self, now: Instant) -> Option<Duration> {
        let history = self.history.value.as_ref()?;
        let last = history.points.last()?;
        let when_sent = history.range.to.duration_since(last.timestamp);
        Some(when_sent.unsigned_abs() + self.history.held(now)?)
    }

    /// The latest figures on the daemon's requests.
    pub(in crate::top) fn requests(&self) -> Option<&Requests> {
        let history = self.history.value.as_ref();
        let last = history.and_then(|history| history.points.last());
        let stats = self.stats.value.as_ref().map(|stats| &stats.requests);
        let all = stats.into_iter().chain(last.map(|point| &point.requests));
        all.max_by(|a, b| a.uptime_seconds.total_cmp(&b.uptime_seconds))
    }

    /// How many rows of a list are above its first visible one.
    pub(in crate::top) fn offset(&self, panel: Panel, visible: usize, caches: usize) -> usize {
        let most = self.rows(panel, caches).saturating_sub(visible);
        self.scrolled[panel as usize].min(most)
    }

    /// How many rows a list has.
    pub(super) fn rows(&self, panel: Panel, caches: usize) -> usize {
        let stats = self.stats.value.as_ref();
        match panel {
            Panel::Models => stats.map_or(0, |stats| stats.models.len()),
            Panel::Projects => stats.map_or(0, |stats| stats.projects.len()),
            Panel::Days => stats.map_or(0, |stats| stats.days.len()),
            Panel::Caches => caches,
        }
    }

    /// Answers a key in a tab of that place.
    pub(in crate::top) fn press(&mut self, key: KeyCode, body: Rect, caches: usize) {
        let visible = arrange(body).visible_rows(self.focus);
        let page = visible.max(1);
        let at = self.offset(self.focus, page, caches);
        let target = match key {
            KeyCode::Right => return self.focus = self.focus.moved(1),
            KeyCode::Left => return self.focus = self.focus.moved(Panel::ALL.len() - 1),
            KeyCode::Down | KeyCode::Char('j') => at + 1,
            KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
            KeyCode::PageDown => at + page,
            KeyCode::PageUp => at.saturating_sub(page),
            KeyCode::Home => 0,
            KeyCode::End => usize::MAX,
            _ => return,
        };
        self.scrolled[self.focus as usize] = target;
    }
}
