//! A row for each cache, or one cache alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::figures;
use crate::top::list::List;
use crate::top::reading::CacheReading;
use crate::top::screen::Screen;
use crate::top::state::State;
use crate::top::table::{Column, Table, by_figure, sort};

/// The columns that rows can be sorted by.
pub(in crate::top) fn columns_count() -> usize {
    columns().len()
}

/// The caches that the filter lets through, in the order that the user chose; without one, the busiest
/// first.
pub(in crate::top) fn shown(state: &State) -> Vec<CacheReading> {
    let mut caches = busiest(state);
    caches.retain(|cache| state.list.lets_through(&cache.info.name));
    sort(&mut caches, &columns(), &state.list);
    caches
}

pub(super) fn busiest(state: &State) -> Vec<CacheReading> {
    let mut caches = state.reading.caches.clone();
    caches.sort_by(|one, other| by_figure(Some(one.did.gets), Some(other.did.gets)));
    caches
}

impl Screen<'_> {
    pub(in crate::top) fn draw_caches_tab(&self, area: Rect, buffer: &mut Buffer) {
        let opened = self.state.opened.as_deref();
        match opened.and_then(|name| self.state.reading.cache(name)) {
            Some(cache) => self.draw_cache(cache, area, buffer),
            None => self.draw_cache_rows(&shown(self.state), Some(&self.state.list), area, buffer),
        }
    }

    pub(super) fn draw_cache_rows(
        &self,
        rows: &[CacheReading],
        list: Option<&List>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let all = self.state.reading.caches.len();
        let filter = list.map_or("", |list| list.filter.as_str());
        let title = match (all, filter) {
            (0, _) => "No caches".to_owned(),
            (_, "") => "Caches".to_owned(),
            (_, filter) => format!(
                "{} of {all} caches: {}",
                rows.len(),
                figures::printable(filter)
            ),
        };
        Table {
            title,
            columns: &columns(),
            rows,
            list: list.filter(|_| self.interactive),
            theme: self.theme,
        }
        .draw(area, buffer);
    }
}

fn columns() -> [Column<CacheReading>; 9] {
    type Of = fn(&CacheReading) -> Option<f64>;
    const HIT_RATIO: Of = |cache| cache.did.hit_ratio();
    const GETS: Of = |cache| cache.did.per_second(cache.did.gets);
    const LOADS: Of = |cache| cache.did.per_second(cache.did.loads);
    let column = Column::<CacheReading>::new;
    [
        column(
            "cache",
            0,
            0,
            |cache| figures::printable(&cache.info.name),
            |one, other| one.info.name.cmp(&other.info.name),
        ),
        column(
            "hits",
            6,
            0,
            |cache| figures::percent(HIT_RATIO(cache)),
            |one, other| by_figure(HIT_RATIO(one), HIT_RATIO(other)),
        ),
        column(
            "gets/s",
            7,
            0,
            |cache| figures::rate(GETS(cache)),
            |one, other| by_figure(GETS(one), GETS(other)),
        ),
        column(
            "entries",
            8,
            64,
            |cache| figures::short(cache.info.entries),
            |one, other| other.info.entries.cmp(&one.info.entries),
        ),
        column(
            "full",
            6,
            0,
            |cache| figures::percent(cache.fill()),
            |one, other| by_figure(one.fill(), other.fill()),
        ),
        column("limit", 9, 92, limit, |one, other| {
            other.info.capacity.cmp(&one.info.capacity)
        }),
        column(
            "loads/s",
            8,
            72,
            |cache| figures::rate(LOADS(cache)),
            |one, other| by_figure(LOADS(one), LOADS(other)),
        ),
        column(
            "errors",
            7,
            56,
            |cache| figures::short(cache.did.failed_loads as u64),
            |one, other| by_figure(Some(one.did.failed_loads), Some(other.did.failed_loads)),
        ),
        column(
            "saved",
            8,
            48,
            |cache| figures::age(figures::from_ms(saved(cache))),
            |one, other| by_figure(Some(saved(one)), Some(saved(other))),
        ),
    ]
}

fn limit(cache: &CacheReading) -> String {
    if cache.info.weighed {
        figures::bytes(cache.info.capacity)
    } else {
        figures::short(cache.info.capacity)
    }
}

fn saved(cache: &CacheReading) -> f64 {
    cache.info.stats.time_saved_ms
}
