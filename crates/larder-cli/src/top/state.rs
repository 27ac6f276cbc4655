//! What the view knows and which part of it the user looks at.
//!
//! It must not draw, ask the daemon or read a clock.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use super::fetch::{Update, Wanted};
use super::known::{Asked, Latest};
use super::list::List;
use super::reading::Reading;
use super::tabs::keys::Ranking;
use super::tabs::usage::UsageState;
use super::trail::Trail;
use crate::args::{Range, Tab, Window};
use crate::client::{self, Advice, Caches, Error, Explained, Keys, Status};
use crate::figures;

/// What a key asks of the loop.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    Draw,
    /// Ask the daemon for [`State::wanted`]; `false`: only for what the tab alone shows.
    Fetch {
        all: bool,
    },
    Quit,
}

#[derive(Debug)]
pub(super) struct State {
    /// The daemon's address.
    pub(super) url: String,
    pub(super) tab: Tab,
    /// The window that the user wants.
    pub(super) window: Window,
    pub(super) is_paused: bool,
    pub(super) is_help_open: bool,
    /// Why nobody answered the last time.
    pub(super) lost: Option<Error>,
    pub(super) status: Latest<Status>,
    pub(super) caches: Latest<Caches>,
    /// What was recorded in `figures_of`.
    pub(super) figures: Latest<client::Window>,
    figures_of: Window,
    pub(super) reading: Reading,
    pub(super) trail: Trail,
    pub(super) list: List,
    /// The cache that the tab of caches shows alone.
    pub(super) opened: Option<String>,
    pub(super) keys_list: List,
    pub(super) ranking: Ranking,
    pub(super) keys: Latest<Keys>,
    /// The cache that the keys are of.
    pub(super) keys_of: Option<String>,
    /// The cache whose keys the user wants; without one, the busiest.
    pub(super) keys_wanted: Option<String>,
    pub(super) explaining: Option<(String, String)>,
    pub(super) explained: Latest<Explained>,
    pub(super) advice_list: List,
    pub(super) advice: Latest<Advice>,
    pub(super) backends_list: List,
    pub(super) usage: UsageState,
    /// The part of the screen between header and footer, at the last key.
    pub(super) body: Rect,
}

impl State {
    pub(super) fn new(url: &str, tab: Tab, window: Window, range: Range) -> Self {
        Self {
            url: figures::printable(url),
            tab,
            window,
            is_paused: false,
            is_help_open: false,
            lost: None,
            status: Latest::default(),
            caches: Latest::default(),
            figures: Latest::default(),
            figures_of: Window::All,
            reading: Reading::default(),
            trail: Trail::default(),
            list: List::default(),
            opened: None,
            keys_list: List::default(),
            ranking: Ranking::Hottest,
            keys: Latest::default(),
            keys_of: None,
            keys_wanted: None,
            explaining: None,
            explained: Latest::default(),
            advice_list: List::default(),
            advice: Latest::default(),
            backends_list: List::default(),
            usage: UsageState::new(range),
            body: Rect::default(),
        }
    }

    /// What to ask the daemon for.
    pub(super) fn wanted(&self, all: bool) -> Wanted {
        let is_open = self.explained.value.is_none() && self.explained.error.is_none();
        Wanted {
            tab: self.tab,
            window: self.window,
            range: self.usage.range,
            cache: self.keys_wanted.clone(),
            explain: self.explaining.clone().filter(|_| is_open),
            is_paused: self.is_paused,
            only_tab: !all,
        }
    }

    /// Takes in a look at the daemon. What the user has left meanwhile is passed over.
    pub(super) fn take(&mut self, update: Update) {
        let (at, wanted) = (update.at, update.wanted);
        self.lost = update.lost;
        if let Asked::New(caches) = &update.caches {
            self.trail.take(&caches.caches, at);
        }
        self.caches.take(update.caches, at);
        self.status.take(update.status, at);
        if wanted.window == self.window {
            if self.figures_of != self.window {
                self.figures = Latest::default();
                self.figures_of = self.window;
            }
            self.figures.take(update.figures, at);
        }
        if wanted.cache == self.keys_wanted {
            if update.keys_of.is_some() && update.keys_of != self.keys_of {
                self.keys = Latest::default();
                self.keys_of = update.keys_of;
            }
            self.keys.take(update.keys, at);
        }
        self.advice.take(update.advice, at);
        if wanted.explain.is_some() && wanted.explain == self.explaining {
            self.explained.take(update.explained, at);
        }
        self.usage
            .take(wanted.range, update.stats, update.history, at);
        self.read();
    }

    fn read(&mut self) {
        if let Some(Caches { caches }) = &self.caches.value {
            self.reading = Reading::new(caches, self.recorded());
        }
    }

    /// The figures of the window that the user wants; there are none of all time.
    fn recorded(&self) -> Option<&client::Window> {
        let is_wanted = self.window != Window::All && self.figures_of == self.window;
        self.figures.value.as_ref().filter(|_| is_wanted)
    }

    /// The window that the shown figures are of.
    pub(super) fn shown_window(&self) -> Window {
        self.recorded().map_or(Window::All, |_| self.window)
    }

    /// Why the figures of the wanted window are not there.
    pub(super) fn window_error(&self) -> Option<&Error> {
        let is_there = self.window == Window::All || self.recorded().is_some();
        self.figures.error.as_ref().filter(|_| !is_there)
    }

    pub(super) fn choose_window(&mut self, window: Window) {
        self.window = window;
        self.read();
    }

    /// Whether anything can be shown of this tab.
    pub(super) fn has_data(&self) -> bool {
        match self.tab {
            Tab::Usage => self.usage.stats.value.is_some(),
            _ => self.caches.value.is_some(),
        }
    }

    /// What has gone wrong with what this tab shows.
    pub(super) fn error(&self) -> Option<&Error> {
        let own = match self.tab {
            Tab::Usage => self.usage.stats.error.as_ref(),
            Tab::Backends => self.status.error.as_ref().or(self.caches.error.as_ref()),
            _ => self.caches.error.as_ref(),
        };
        self.lost.as_ref().or(own)
    }

    /// What has gone wrong with what this tab shows, the tab's own questions too.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        let own = match self.tab {
            Tab::Usage => &mut self.usage.stats.error,
            Tab::Keys => &mut self.keys.error,
            Tab::Advice => &mut self.advice.error,
            Tab::Backends => &mut self.status.error,
            Tab::Overview | Tab::Caches => &mut None,
        };
        let shared = self.caches.error.take().filter(|_| self.tab != Tab::Usage);
        self.lost.take().or(shared).or(own.take())
    }

    /// How old the shown figures are.
    pub(super) fn data_age(&self, now: Instant) -> Option<Duration> {
        match self.tab {
            Tab::Usage => self.usage.data_age(now),
            _ => self.caches.held(now),
        }
    }
}
