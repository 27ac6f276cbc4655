//! One cache: its tiers, latencies, what left it and why.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget as _, Wrap};

use super::waterfall;
use crate::figures;
use crate::top::reading::{CacheReading, Took};
use crate::top::screen::Screen;
use crate::top::table::titled;

impl Screen<'_> {
    pub(super) fn draw_cache(&self, cache: &CacheReading, area: Rect, buffer: &mut Buffer) {
        let facts = facts(cache);
        let caches = std::slice::from_ref(cache);
        let [head, tiers, latencies, evictions] = Layout::vertical([
            Constraint::Length(facts.len() as u16 + 1),
            Constraint::Length(waterfall::height(caches)),
            Constraint::Length(5),
            Constraint::Fill(1),
        ])
        .areas(area);
        let name = format!(" {} ", figures::printable(&cache.info.name));
        Paragraph::new(facts)
            .block(titled(name, self.theme))
            .render(head, buffer);
        self.draw_waterfall(&cache.did, caches, tiers, buffer);
        self.draw_latencies(cache, latencies, buffer);
        self.draw_evictions(cache, evictions, buffer);
    }

    fn draw_latencies(&self, cache: &CacheReading, area: Rect, buffer: &mut Buffer) {
        let cells = |cells: [&str; 6]| {
            let [name, figures @ ..] = cells;
            let figures = figures.map(|figure| format!("{figure:>8}"));
            format!(" {name:<6}{}", figures.concat())
        };
        let heading = cells(["", "p50", "p95", "p99", "mean", "timed"]);
        let row = |name, took: Took| {
            let [p50, p95, p99, mean] =
                [took.p50, took.p95, took.p99, took.mean].map(figures::latency);
            Line::raw(cells([
                name,
                &p50,
                &p95,
                &p99,
                &mean,
                &figures::short(took.count),
            ]))
        };
        let lines = vec![
            Line::styled(heading, self.theme.dim),
            row("hits", cache.hit),
            row("misses", cache.miss),
            row("loads", cache.load),
        ];
        Paragraph::new(lines)
            .block(titled(" Latency ".to_owned(), self.theme))
            .render(area, buffer);
    }

    fn draw_evictions(&self, cache: &CacheReading, area: Rect, buffer: &mut Buffer) {
        let did = &cache.did;
        let causes = did.evictions.iter().filter(|(_, count)| **count > 0.0);
        let causes: Vec<_> = causes
            .map(|(cause, count)| {
                let rate = figures::rate(did.per_second(*count));
                format!(
                    "{} {} ({rate}/s)",
                    figures::printable(cause),
                    figures::short(*count as u64)
                )
            })
            .collect();
        let text = if causes.is_empty() {
            " none".to_owned()
        } else {
            format!(" {}", causes.join(" · "))
        };
        Paragraph::new(text)
            .wrap(Wrap { trim: false })
            .block(titled(" Evictions by cause ".to_owned(), self.theme))
            .render(area, buffer);
    }
}

fn facts(cache: &CacheReading) -> Vec<Line<'static>> {
    let (info, did) = (&cache.info, &cache.did);
    let ttl = info.ttl_ms.map_or_else(
        || "entries stay until they make room".to_owned(),
        |ms| format!("entries live {}", figures::age(figures::from_ms(ms as f64))),
    );
    let (weight, limit) = if info.weighed {
        (figures::bytes(info.weight), figures::bytes(info.capacity))
    } else {
        (figures::short(info.weight), figures::short(info.capacity))
    };
    let rate = |count: f64| format!("{}/s", figures::rate(did.per_second(count)));
    let saved = figures::age(figures::from_ms(info.stats.time_saved_ms));
    let fill = figures::percent(cache.fill());
    vec![
        Line::raw(format!(
            " {} hits · {} gets · {saved} saved",
            figures::percent(did.hit_ratio()),
            rate(did.gets)
        )),
        Line::raw(format!(
            " {} loads · {} failed · {} coalesced · {} stale",
            rate(did.loads),
            rate(did.failed_loads),
            rate(did.coalesced),
            rate(did.stale)
        )),
        Line::raw(format!(
            " {} entries · {weight} of {limit} ({fill}) · {ttl} · {}",
            figures::short(info.entries),
            figures::printable(&info.tier)
        )),
    ]
}
