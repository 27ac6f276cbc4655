//! What the view knows and which part of it the user looks at.
//!
//! It must not draw, ask the daemon or read a clock.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::fetch::Update;
use crate::args::Range;
use crate::client::{Caches, Error, History, Requests, Stats};
use crate::figures;

/// The last good answer of one endpoint, and what has gone wrong since.
#[derive(Debug)]
pub(super) struct Latest<T> {
    pub(super) value: Option<T>,
    pub(super) error: Option<Error>,
    /// When the value came.
    received: Option<Instant>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self {
            value: None,
            error: None,
            received: None,
        }
    }
}

impl<T> Latest<T> {
    fn take(&mut self, result: Result<Option<T>, Error>, at: Instant) {
        match result {
            Ok(newer) => {
                self.error = None;
                if let Some(value) = newer {
                    self.value = Some(value);
                    self.received = Some(at);
                }
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// How long the value has been here.
    fn held(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.received?))
    }
}

/// A list that can be scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    Models,
    Projects,
    Days,
    Caches,
}

impl Panel {
    pub(super) const ALL: [Self; 4] = [Self::Models, Self::Projects, Self::Days, Self::Caches];

    fn moved(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }
}

/// What a key asks of the loop.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    Draw,
    Fetch,
    Quit,
}

#[derive(Debug)]
pub(super) struct State {
    /// The daemon's address.
    pub(super) url: String,
    /// The range that the user wants.
    pub(super) range: Range,
    /// The range of the totals that are there.
    pub(super) shown_range: Range,
    pub(super) stats: Latest<Stats>,
    pub(super) history: Latest<History>,
    pub(super) caches: Latest<Caches>,
    pub(super) focus: Panel,
    pub(super) is_help_open: bool,
    scrolled: [usize; Panel::ALL.len()],
}

impl State {
    pub(super) fn new(url: &str, range: Range) -> Self {
        Self {
            url: figures::printable(url),
            range,
            shown_range: range,
            stats: Latest::default(),
            history: Latest::default(),
            caches: Latest::default(),
            focus: Panel::Models,
            is_help_open: false,
            scrolled: [0; Panel::ALL.len()],
        }
    }

    /// Takes in a look at the daemon. Totals of a range that the user has left
    /// meanwhile are passed over.
    pub(super) fn take(&mut self, update: Update) {
        if update.range == self.range {
            if matches!(update.stats, Ok(Some(_))) {
                self.shown_range = update.range;
            }
            self.stats.take(update.stats, update.at);
        }
        self.history.take(update.history, update.at);
        self.caches.take(update.caches, update.at);
    }

    /// How long ago the daemon last made sure that the totals are right. While
    /// nothing changes it sends no new totals; the history tells then.
    pub(super) fn data_age(&self, now: Instant) -> Option<Duration> {
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
    pub(super) fn requests(&self) -> Option<&Requests> {
        let history = self.history.value.as_ref();
        let last = history.and_then(|history| history.points.last());
        let stats = self.stats.value.as_ref().map(|stats| &stats.requests);
        let all = stats.into_iter().chain(last.map(|point| &point.requests));
        all.max_by(|a, b| a.uptime_seconds.total_cmp(&b.uptime_seconds))
    }

    /// How many rows of a panel are above its first visible one.
    pub(super) fn offset(&self, panel: Panel, visible: usize) -> usize {
        let most = self.rows(panel).saturating_sub(visible);
        self.scrolled[panel as usize].min(most)
    }

    /// How many rows a panel has.
    pub(super) fn rows(&self, panel: Panel) -> usize {
        let stats = self.stats.value.as_ref();
        let caches = self.caches.value.as_ref();
        match panel {
            Panel::Models => stats.map_or(0, |stats| stats.models.len()),
            Panel::Projects => stats.map_or(0, |stats| stats.projects.len()),
            Panel::Days => stats.map_or(0, |stats| stats.days.len()),
            Panel::Caches => caches.map_or(0, |caches| caches.caches.len()),
        }
    }

    /// Answers a key. `visible` is the number of rows that a panel shows.
    pub(super) fn press(&mut self, key: KeyEvent, visible: impl Fn(Panel) -> usize) -> Reaction {
        let page = visible(self.focus).max(1);
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Reaction::Quit;
            }
            KeyCode::Esc if self.is_help_open => self.is_help_open = false,
            KeyCode::Char('q') | KeyCode::Esc => return Reaction::Quit,
            KeyCode::Char('?' | 'h') => self.is_help_open = !self.is_help_open,
            KeyCode::Char('t') => return self.choose(Range::Today),
            KeyCode::Char('w') => return self.choose(Range::Week),
            KeyCode::Char('m') => return self.choose(Range::Month),
            KeyCode::Char('a') => return self.choose(Range::All),
            KeyCode::Char('r') => return Reaction::Fetch,
            KeyCode::Tab | KeyCode::Right => self.focus = self.focus.moved(1),
            KeyCode::BackTab | KeyCode::Left => {
                self.focus = self.focus.moved(Panel::ALL.len() - 1);
            }
            KeyCode::Down | KeyCode::Char('j') => self.scroll_to(page, |at| at + 1),
            KeyCode::Up | KeyCode::Char('k') => self.scroll_to(page, |at| at.saturating_sub(1)),
            KeyCode::PageDown => self.scroll_to(page, |at| at + page),
            KeyCode::PageUp => self.scroll_to(page, |at| at.saturating_sub(page)),
            KeyCode::Home => self.scroll_to(page, |_| 0),
            KeyCode::End => self.scroll_to(page, |_| usize::MAX),
            _ => {}
        }
        Reaction::Draw
    }

    fn choose(&mut self, range: Range) -> Reaction {
        self.range = range;
        Reaction::Fetch
    }

    fn scroll_to(&mut self, visible: usize, target: impl Fn(usize) -> usize) {
        let panel = self.focus;
        self.scrolled[panel as usize] = target(self.offset(panel, visible));
    }
}
