//! What each key of the keyboard does.
//!
//! It must not draw, ask the daemon or read a clock.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::known::Latest;
use super::state::{Reaction, State};
use super::tabs;
use crate::args::{Range, Tab};

/// The help, by what the keys are for.
pub(super) const HELP: &str = "\
q, Esc   quit, or close what is open
1–6 Tab  choose a tab
w        window: 1m, 5m, 60m, all
p        pause; r asks the daemon now
↑ ↓      go; PgUp, PgDn, Home, End too
s S      sort by the next column, turn
/        filter caches or keys by name
Enter    open a cache; Esc closes it
← →      keys, usage: choose a list
c C      keys: the next cache
e        explain the chosen key
t w m a  usage: today, week, month, all
?        close this";

impl State {
    /// Answers a key.
    pub(super) fn press(&mut self, key: KeyEvent) -> Reaction {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Reaction::Quit;
        }
        if let Some(list) = self.typed_into() {
            list.type_filter(key.code);
            return Reaction::Draw;
        }
        match key.code {
            KeyCode::Esc if self.close() => Reaction::Draw,
            KeyCode::Char('q') | KeyCode::Esc => Reaction::Quit,
            KeyCode::Char('?' | 'h') => {
                self.is_help_open = !self.is_help_open;
                Reaction::Draw
            }
            KeyCode::Char('r') => Reaction::Fetch { all: true },
            KeyCode::Char('p') => {
                self.is_paused = !self.is_paused;
                Reaction::Fetch {
                    all: !self.is_paused,
                }
            }
            KeyCode::Char(digit @ '1'..='6') => {
                let index = digit as usize - '1' as usize;
                self.show_tab(Tab::ALL[index])
            }
            KeyCode::Tab => self.show_tab(self.neighbour(1)),
            KeyCode::BackTab => self.show_tab(self.neighbour(Tab::ALL.len() - 1)),
            code => self.press_in_tab(code),
        }
    }

    fn press_in_tab(&mut self, code: KeyCode) -> Reaction {
        let page = tabs::page(self);
        match (self.tab, code) {
            (Tab::Usage, KeyCode::Char('t')) => self.choose_range(Range::Today),
            (Tab::Usage, KeyCode::Char('w')) => self.choose_range(Range::Week),
            (Tab::Usage, KeyCode::Char('m')) => self.choose_range(Range::Month),
            (Tab::Usage, KeyCode::Char('a')) => self.choose_range(Range::All),
            (_, KeyCode::Char('w')) => {
                self.choose_window(self.window.next());
                Reaction::Fetch { all: true }
            }
            (Tab::Caches, code) => self.press_in_caches(code, page),
            (Tab::Keys, code) => self.press_in_keys(code, page),
            (Tab::Advice, code) => {
                let rows = tabs::advice::rows(self);
                self.advice_list.moved(code, rows, page);
                Reaction::Draw
            }
            (Tab::Backends, code) => {
                let rows = tabs::backends::rows(self);
                self.backends_list.moved(code, rows, page);
                Reaction::Draw
            }
            (Tab::Usage, code) => {
                let caches = self.reading.caches.len();
                self.usage.press(code, self.body, caches);
                Reaction::Draw
            }
            (Tab::Overview, _) => Reaction::Draw,
        }
    }

    fn press_in_caches(&mut self, code: KeyCode, page: usize) -> Reaction {
        if self.opened.is_some() {
            return Reaction::Draw;
        }
        let shown = tabs::caches::shown(self);
        let names: Vec<String> = shown.iter().map(|cache| cache.info.name.clone()).collect();
        match code {
            KeyCode::Enter => {
                self.opened = names.get(self.list.selected(names.len())).cloned();
                self.keys_wanted.clone_from(&self.opened);
            }
            KeyCode::Char('/') => self.list.is_typing = true,
            KeyCode::Char('s') => self.list.sort_by_next(tabs::caches::columns_count()),
            KeyCode::Char('S') => self.list.is_reversed = !self.list.is_reversed,
            code => {
                self.list.moved(code, names.len(), page);
            }
        }
        Reaction::Draw
    }

    fn press_in_keys(&mut self, code: KeyCode, page: usize) -> Reaction {
        let keys = tabs::keys::shown(self);
        match code {
            KeyCode::Char('e') | KeyCode::Enter => {
                let at = self.keys_list.selected(keys.len());
                return self.explain(keys.into_iter().nth(at).map(|(key, _)| key));
            }
            KeyCode::Char('/') => self.keys_list.is_typing = true,
            KeyCode::Char('c') => return self.choose_cache(1),
            KeyCode::Char('C') => {
                let caches = self.reading.caches.len();
                return self.choose_cache(caches.saturating_sub(1));
            }
            KeyCode::Right => self.choose_ranking(self.ranking.next()),
            KeyCode::Left => self.choose_ranking(self.ranking.next().next()),
            code => {
                self.keys_list.moved(code, keys.len(), page);
            }
        }
        Reaction::Draw
    }

    fn choose_ranking(&mut self, ranking: tabs::keys::Ranking) {
        self.ranking = ranking;
        self.keys_list.go_to_first();
    }

    fn explain(&mut self, key: Option<String>) -> Reaction {
        let (Some(cache), Some(key)) = (self.keys_of.clone(), key) else {
            return Reaction::Draw;
        };
        self.explaining = Some((cache, key));
        self.explained = Latest::default();
        Reaction::Fetch { all: false }
    }

    /// Chooses the cache `by` places after the one whose keys are shown.
    fn choose_cache(&mut self, by: usize) -> Reaction {
        let caches = &self.reading.caches;
        let now = self.keys_wanted.as_ref().or(self.keys_of.as_ref());
        let at = caches
            .iter()
            .position(|cache| Some(&cache.info.name) == now);
        let next = at.map_or(0, |at| (at + by) % caches.len().max(1));
        self.keys_wanted = caches.get(next).map(|cache| cache.info.name.clone());
        self.keys_list.go_to_first();
        self.explaining = None;
        Reaction::Fetch { all: false }
    }

    fn choose_range(&mut self, range: Range) -> Reaction {
        self.usage.range = range;
        Reaction::Fetch { all: false }
    }

    fn show_tab(&mut self, tab: Tab) -> Reaction {
        self.tab = tab;
        Reaction::Fetch { all: false }
    }

    fn neighbour(&self, by: usize) -> Tab {
        Tab::ALL[(self.tab as usize + by) % Tab::ALL.len()]
    }

    /// The list whose filter is being typed.
    fn typed_into(&mut self) -> Option<&mut super::list::List> {
        let list = match self.tab {
            Tab::Caches => &mut self.list,
            Tab::Keys => &mut self.keys_list,
            _ => return None,
        };
        list.is_typing.then_some(list)
    }

    /// Closes what is open above the tab; whether anything was.
    fn close(&mut self) -> bool {
        if self.is_help_open {
            self.is_help_open = false;
        } else if self.tab == Tab::Keys && self.explaining.is_some() {
            self.explaining = None;
        } else if self.tab == Tab::Caches && self.opened.is_some() {
            self.opened = None;
        } else if self.tab == Tab::Caches && !self.list.filter.is_empty() {
            self.list.filter.clear();
        } else if self.tab == Tab::Keys && !self.keys_list.filter.is_empty() {
            self.keys_list.filter.clear();
        } else {
            return false;
        }
        true
    }
}
