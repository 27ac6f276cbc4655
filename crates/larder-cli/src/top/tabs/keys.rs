//! The hottest, largest and slowest keys of one cache, and what is known of one of them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Padding, Paragraph, Widget as _, Wrap};

use crate::figures;
use crate::top::screen::{Screen, centred};
use crate::top::state::State;
use crate::top::table::{Column, Table, titled};

/// By what keys are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::top) enum Ranking {
    Hottest,
    Largest,
    Slowest,
}

impl Ranking {
    const ALL: [Self; 3] = [Self::Hottest, Self::Largest, Self::Slowest];

    pub(in crate::top) fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    fn title(self) -> &'static str {
        match self {
            Self::Hottest => "hottest",
            Self::Largest => "largest",
            Self::Slowest => "slowest",
        }
    }
}

/// A key and its figure.
pub(in crate::top) type Row = (String, String);

/// The keys of the chosen ranking that the filter lets through.
pub(in crate::top) fn shown(state: &State) -> Vec<Row> {
    let Some(keys) = &state.keys.value else {
        return Vec::new();
    };
    let mut rows: Vec<Row> = match state.ranking {
        Ranking::Hottest => keys
            .hottest
            .iter()
            .map(|hot| {
                let share = figures::percent(Some(hot.share));
                let rate = figures::rate(Some(hot.gets_per_second));
                (hot.key.clone(), format!("{rate} gets/s {share:>6}"))
            })
            .collect(),
        Ranking::Largest => keys
            .largest
            .iter()
            .map(|large| (large.key.clone(), weight(state, large.weight)))
            .collect(),
        Ranking::Slowest => keys
            .slowest
            .iter()
            .map(|slow| (slow.key.clone(), figures::latency(Some(slow.load_ms * 1e6))))
            .collect(),
    };
    rows.retain(|(key, _)| state.keys_list.lets_through(key));
    rows
}

fn weight(state: &State, weight: u64) -> String {
    let name = state.keys_of.as_deref().unwrap_or_default();
    match state.reading.cache(name) {
        Some(cache) if cache.info.weighed => figures::bytes(weight),
        _ => figures::count(weight),
    }
}

impl Screen<'_> {
    pub(in crate::top) fn draw_keys(&self, area: Rect, buffer: &mut Buffer) {
        let state = self.state;
        let cache = figures::printable(state.keys_of.as_deref().unwrap_or("no cache"));
        let Some(keys) = &state.keys.value else {
            let why = match &state.keys.error {
                Some(error) => format!(" This daemon tells nothing of keys: {error}"),
                None if state.reading.caches.is_empty() => " There is no cache.".to_owned(),
                None => " Asking …".to_owned(),
            };
            Paragraph::new(figures::printable(&why))
                .wrap(Wrap { trim: false })
                .block(titled(format!(" Keys of {cache} "), self.theme))
                .render(area, buffer);
            return;
        };
        let [list, about] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
        let rankings = Ranking::ALL.map(|ranking| {
            let title = ranking.title();
            if ranking == state.ranking {
                format!("[{title}]")
            } else {
                title.to_owned()
            }
        });
        let filter = match state.keys_list.filter.as_str() {
            "" => String::new(),
            filter => format!(" with {}", figures::printable(filter)),
        };
        Table {
            title: format!("{cache}: {}{filter}", rankings.join(" ")),
            columns: &columns(state.ranking),
            rows: &shown(state),
            list: Some(&state.keys_list).filter(|_| self.interactive),
            theme: self.theme,
        }
        .draw(list, buffer);
        let text = match state.ranking {
            Ranking::Largest if keys.complete => {
                format!(" of all {} entries", figures::count(keys.scanned))
            }
            Ranking::Largest => format!(" of the first {} entries", figures::count(keys.scanned)),
            Ranking::Hottest | Ranking::Slowest => {
                let over = figures::age(figures::from_ms(keys.seconds * 1e3));
                format!(" one get in {} counted, over {over}", keys.one_in)
            }
        };
        Line::styled(text, self.theme.dim).render(about, buffer);
        self.draw_explained(area, buffer);
    }

    fn draw_explained(&self, area: Rect, buffer: &mut Buffer) {
        let Some((cache, key)) = &self.state.explaining else {
            return;
        };
        let explained = &self.state.explained;
        let (text, style) = match (&explained.value, &explained.error) {
            (Some(explained), _) => (explained.text.clone(), self.theme.plain),
            (None, Some(error)) => (error.to_string(), self.theme.bad),
            (None, None) => ("Asking …".to_owned(), self.theme.dim),
        };
        let text = figures::printable(&text);
        let width = area.width.min(76);
        let rows = text
            .chars()
            .count()
            .div_ceil(usize::from(width.saturating_sub(6).max(1))) as u16;
        let place = centred(area, width, (rows + 3).max(5));
        Clear.render(place, buffer);
        let title = figures::printable(&format!(" {key} of {cache} "));
        let block = Block::bordered()
            .title_top(Line::styled(title, self.theme.accent))
            .title_bottom(Line::styled(" Esc closes ", self.theme.dim).right_aligned())
            .padding(Padding::horizontal(1));
        Paragraph::new(text)
            .style(style)
            .wrap(Wrap { trim: false })
            .block(block)
            .render(place, buffer);
    }
}

fn columns(ranking: Ranking) -> [Column<Row>; 2] {
    let (name, width) = match ranking {
        Ranking::Hottest => ("gets, share of all", 20),
        Ranking::Largest => ("weight", 10),
        Ranking::Slowest => ("load", 10),
    };
    [
        Column::new("key", 0, 0, |(key, _)| figures::printable(key), Row::cmp),
        Column::new(name, width, 0, |(_, figure)| figure.clone(), Row::cmp),
    ]
}
