//! The lists of the view: models, projects, days, caches.
//!
//! It must not know where on the screen they stand.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, Widget as _};

use super::Panel;
use crate::client::{ByDay, CacheInfo, Usage};
use crate::figures;
use crate::top::screen::Screen;

const BAR: &str = "█";

impl Screen<'_> {
    pub(super) fn draw_models(&self, area: Rect, buffer: &mut Buffer) {
        let Some(stats) = &self.state.usage.stats.value else {
            return;
        };
        let rows = stats.models.iter().map(|row| {
            let note = if row.priced { "" } else { " (no price)" };
            (
                format!("{}{note}", figures::printable(&row.model)),
                &row.usage,
            )
        });
        self.draw_usage_rows(Panel::Models, "model", rows, area, buffer);
    }

    pub(super) fn draw_projects(&self, area: Rect, buffer: &mut Buffer) {
        let Some(stats) = &self.state.usage.stats.value else {
            return;
        };
        let name_width = usize::from(area.width).saturating_sub(usage_columns(area.width).1);
        let rows = stats.projects.iter().map(|row| {
            (
                tail(&figures::printable(&row.project), name_width),
                &row.usage,
            )
        });
        self.draw_usage_rows(Panel::Projects, "project", rows, area, buffer);
    }

    fn draw_usage_rows<'a>(
        &self,
        panel: Panel,
        name: &'static str,
        rows: impl Iterator<Item = (String, &'a Usage)>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let (columns, taken) = usage_columns(area.width);
        let name_width = area.width.saturating_sub(taken as u16);
        let widths: Vec<_> = std::iter::once(Constraint::Length(name_width))
            .chain(
                columns
                    .iter()
                    .map(|column| Constraint::Length(column.width)),
            )
            .collect();
        let heading = columns.iter().map(|column| column.name);
        let rows = rows.map(|(name, usage)| {
            let figures = columns.iter().map(|column| (column.show)(usage));
            std::iter::once(Cell::new(name))
                .chain(figures.map(right))
                .collect()
        });
        let heading = std::iter::once(Cell::new(name))
            .chain(heading.map(right))
            .collect();
        self.draw_table(panel, heading, rows, &widths, area, buffer);
    }

    pub(super) fn draw_days(&self, area: Rect, buffer: &mut Buffer) {
        let Some(stats) = &self.state.usage.stats.value else {
            return;
        };
        let costs = stats.days.iter().map(|day| day.usage.cost_usd);
        let highest = costs.fold(0.0, f64::max);
        let bar_width = area.width.saturating_sub(10 + 10 + 2);
        let rows = stats.days.iter().rev().map(|day| {
            vec![
                Cell::new(figures::printable(&day.date)),
                right(figures::money(day.usage.cost_usd)),
                Cell::new(bar(day, highest, bar_width)).style(self.theme.good),
            ]
        });
        let heading = vec![Cell::new("day"), right("cost"), Cell::new("")];
        let widths = [10, 10, bar_width].map(Constraint::Length);
        self.draw_table(Panel::Days, heading, rows, &widths, area, buffer);
    }

    pub(super) fn draw_usage_caches(&self, area: Rect, buffer: &mut Buffer) {
        let columns = cache_columns(area.width);
        let taken: u16 = columns.iter().map(|column| column.width + 1).sum();
        let widths: Vec<_> = std::iter::once(Constraint::Length(area.width.saturating_sub(taken)))
            .chain(
                columns
                    .iter()
                    .map(|column| Constraint::Length(column.width)),
            )
            .collect();
        let caches = self.state.caches.value.as_ref();
        let caches = caches.map_or(&[][..], |caches| &caches.caches);
        let rows = caches.iter().map(|cache| {
            let figures = columns.iter().map(|column| right((column.show)(cache)));
            let name = Cell::new(figures::printable(&cache.name));
            std::iter::once(name).chain(figures).collect()
        });
        let heading = std::iter::once(Cell::new("cache"))
            .chain(columns.iter().map(|column| right(column.name)))
            .collect();
        self.draw_table(Panel::Caches, heading, rows, &widths, area, buffer);
        if let (Some(error), [_, first, ..]) = (&self.state.caches.error, &rows_of(area)[..])
            && caches.is_empty()
        {
            Paragraph::new(figures::printable(&error.to_string()))
                .style(self.theme.bad)
                .render(*first, buffer);
        }
    }

    fn draw_table<'a>(
        &self,
        panel: Panel,
        heading: Vec<Cell<'a>>,
        rows: impl Iterator<Item = Vec<Cell<'a>>>,
        widths: &[Constraint],
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let visible = usize::from(area.height).saturating_sub(2);
        let offset = self
            .state
            .usage
            .offset(panel, visible, self.state.reading.caches.len());
        let rows = rows.skip(offset).take(visible).map(Row::new);
        Table::new(rows, widths.iter().copied())
            .column_spacing(1)
            .header(Row::new(heading).style(self.theme.dim))
            .block(self.panel_block(panel, offset, visible))
            .render(area, buffer);
    }

    fn panel_block(&self, panel: Panel, offset: usize, visible: usize) -> Block<'static> {
        let title = match panel {
            Panel::Models => "Models",
            Panel::Projects => "Projects",
            Panel::Days => "Cost per day",
            Panel::Caches => "Caches",
        };
        let total = self
            .state
            .usage
            .rows(panel, self.state.reading.caches.len());
        let last = (offset + visible).min(total);
        let position = if total > visible {
            format!(" {}–{last} of {total} ", offset + 1)
        } else {
            String::new()
        };
        let is_focused = self.interactive && self.state.usage.focus == panel;
        let mark = if is_focused { "▸" } else { " " };
        let style = if is_focused {
            self.theme.accent
        } else {
            self.theme.strong
        };
        Block::new()
            .borders(Borders::TOP)
            .border_style(self.theme.dim)
            .title_top(Line::styled(format!("{mark}{title} "), style))
            .title_top(Line::styled(position, self.theme.dim).right_aligned())
    }
}

/// A column of figures.
struct Column<T> {
    name: &'static str,
    width: u16,
    show: fn(&T) -> String,
}

impl<T> Column<T> {
    fn new(name: &'static str, width: u16, show: fn(&T) -> String) -> Self {
        Self { name, width, show }
    }
}

/// The figures that have room beside a name, and the width that they take with
/// the blanks before them.
fn usage_columns(width: u16) -> (Vec<Column<Usage>>, usize) {
    let column = Column::<Usage>::new;
    let mut columns = vec![
        column("cost", 10, |usage| figures::money(usage.cost_usd)),
        column("tokens", 6, |usage| figures::short(usage.total_tokens)),
    ];
    if width >= 56 {
        columns.push(column("calls", 6, |usage| figures::short(usage.messages)));
    }
    if width >= 64 {
        columns.push(column("in", 6, |usage| figures::short(usage.input_tokens)));
        columns.push(column("out", 6, |usage| {
            figures::short(usage.output_tokens)
        }));
    }
    if width >= 78 {
        columns.push(column("write", 6, |usage| {
            figures::short(usage.cache_creation_tokens)
        }));
        columns.push(column("read", 6, |usage| {
            figures::short(usage.cache_read_tokens)
        }));
    }
    let taken = columns
        .iter()
        .map(|column| usize::from(column.width) + 1)
        .sum();
    (columns, taken)
}

fn cache_columns(width: u16) -> Vec<Column<CacheInfo>> {
    let column = Column::<CacheInfo>::new;
    let mut columns = vec![
        column("hits", 6, |cache| figures::percent(cache.stats.hit_rate)),
        column("gets", 6, |cache| figures::short(cache.stats.gets)),
        column("hit", 7, |cache| {
            figures::latency(cache.stats.latency.hit.mean_ns)
        }),
        column("p99", 7, |cache| {
            figures::latency(cache.stats.latency.hit.p99_ns)
        }),
        column("load", 7, |cache| {
            figures::latency(cache.stats.latency.load.mean_ns)
        }),
    ];
    if width >= 68 {
        columns.push(column("entries", 7, |cache| figures::short(cache.entries)));
        columns.push(column("saved", 8, |cache| {
            figures::age(figures::from_ms(cache.stats.time_saved_ms))
        }));
    }
    columns
}

fn right<'a>(text: impl Into<Text<'a>>) -> Cell<'a> {
    Cell::new(text.into().alignment(Alignment::Right))
}

fn bar(day: &ByDay, highest: f64, width: u16) -> String {
    if highest <= 0.0 {
        return String::new();
    }
    let share = day.usage.cost_usd / highest;
    BAR.repeat((share * f64::from(width)).round() as usize)
}

/// The end of a long name: project directories differ there.
fn tail(name: &str, width: usize) -> String {
    if Span::raw(name).width() <= width {
        return name.to_owned();
    }
    let mut kept = "";
    for (start, _) in name.char_indices().rev() {
        if Span::raw(&name[start..]).width() + 1 > width {
            break;
        }
        kept = &name[start..];
    }
    format!("…{kept}")
}

fn rows_of(area: Rect) -> Vec<Rect> {
    area.rows().collect()
}
