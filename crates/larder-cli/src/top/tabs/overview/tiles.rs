//! The figures of the overview, each with what belongs to it.
//!
//! It must not know where they stand.

use ratatui::style::Style;

use crate::figures;
use crate::top::reading::{CacheReading, Took};
use crate::top::screen::Screen;
use crate::top::trail::Point;

/// A figure with what belongs to it, and how it went.
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) detail: String,
    pub(super) went: Option<fn(&Point) -> Option<f64>>,
    pub(super) style: Style,
}

impl Screen<'_> {
    pub(super) fn tiles(&self) -> Vec<Tile> {
        let all = &self.state.reading.all;
        let rate = |count: f64| format!("{}/s", figures::rate(all.per_second(count)));
        let tile = |name, value, detail, went| Tile {
            name,
            value,
            detail,
            went,
            style: self.theme.strong,
        };
        vec![
            self.saved(),
            tile(
                "Hit ratio",
                figures::percent(all.hit_ratio()),
                self.by_tier(),
                Some(|point| point.hit_ratio),
            ),
            tile(
                "Gets",
                rate(all.gets),
                format!("{} hits · {} misses", rate(all.hits), rate(all.misses())),
                Some(|point| Some(point.gets)),
            ),
            tile(
                "Loads",
                rate(all.loads),
                format!(
                    "{} coalesced · {} stale",
                    rate(all.coalesced),
                    rate(all.stale)
                ),
                Some(|point| Some(point.loads)),
            ),
            self.memory(),
            tile(
                "Evictions",
                rate(all.evicted()),
                self.by_cause(),
                Some(|point| Some(point.evictions)),
            ),
            self.errors(),
            self.took("Hits p99", |cache| cache.hit),
            self.took("Loads p99", |cache| cache.load),
            self.answers(),
        ]
    }

    fn saved(&self) -> Tile {
        let reading = &self.state.reading;
        let (ms, hits) = (reading.saved_ms(), reading.hits_ever());
        let detail = if hits == 0 {
            "no hit yet".to_owned()
        } else {
            let each = figures::latency(Some(ms * 1e6 / hits as f64));
            format!("{each} × {} hits, since the start", figures::short(hits))
        };
        Tile {
            name: "Time saved",
            value: figures::age(figures::from_ms(ms)),
            detail,
            went: Some(|point| Some(point.saved_ms)),
            style: self.theme.accent,
        }
    }

    fn by_tier(&self) -> String {
        let reading = &self.state.reading;
        let all = &reading.all;
        let mut parts = vec![format!(
            "memory {}",
            figures::percent(all.share(all.memory_hits()))
        )];
        if reading
            .caches
            .iter()
            .any(|cache| cache.info.stats.disk.is_some())
        {
            parts.push(format!(
                "disk {}",
                figures::percent(all.share(all.disk_hits))
            ));
        }
        if reading
            .caches
            .iter()
            .any(|cache| cache.info.stats.remote.is_some())
        {
            parts.push(format!(
                "shared {}",
                figures::percent(all.share(all.remote_hits))
            ));
        }
        parts.join(" · ")
    }

    /// The causes that took most entries.
    fn by_cause(&self) -> String {
        let all = &self.state.reading.all;
        let mut causes: Vec<_> = all.evictions.iter().collect();
        causes.retain(|(_, count)| **count > 0.0);
        causes.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let causes = causes.into_iter().take(2).map(|(cause, count)| {
            let rate = figures::rate(all.per_second(*count));
            format!("{rate}/s {}", figures::printable(cause))
        });
        causes.collect::<Vec<_>>().join(" · ")
    }

    fn memory(&self) -> Tile {
        let reading = &self.state.reading;
        let (weight, limit) = reading.bytes();
        let entries = figures::short(reading.entries());
        let fullest = reading.fullest().map_or_else(String::new, |(cache, fill)| {
            let name = figures::printable(&cache.info.name);
            format!(" · {} full: {name}", figures::percent(Some(fill)))
        });
        let (value, detail) = if limit > 0 {
            let limit = figures::bytes(limit);
            (
                figures::bytes(weight),
                format!("of {limit} · {entries} entries{fullest}"),
            )
        } else {
            (entries, format!("entries{fullest}"))
        };
        Tile {
            name: "Memory",
            value,
            detail,
            went: Some(|point| Some(point.weight)),
            style: self.theme.strong,
        }
    }

    fn errors(&self) -> Tile {
        let reading = &self.state.reading;
        let loads = reading.all.per_second(reading.all.failed_loads);
        let requests = reading.requests;
        let failed = requests.map_or(0.0, |requests| requests.server_errors);
        let sum = loads.map(|loads| loads + failed);
        let is_bad = sum.is_some_and(|sum| sum > 0.0);
        let rate = |rate: f64| figures::rate(Some(rate));
        let requests = requests.map_or_else(String::new, |requests| {
            let (server, client) = (rate(requests.server_errors), rate(requests.client_errors));
            format!(" · {server} 5xx ({client} 4xx)")
        });
        Tile {
            name: if is_bad { "Errors !" } else { "Errors" },
            value: format!("{}/s", figures::rate(sum)),
            detail: format!("{} loads{requests}", figures::rate(loads)),
            went: Some(|point| Some(point.failed_loads)),
            style: if is_bad {
                self.theme.bad
            } else {
                self.theme.strong
            },
        }
    }

    fn took(&self, name: &'static str, of: fn(&CacheReading) -> Took) -> Tile {
        let slowest = self.state.reading.slowest(of);
        let detail = slowest.map_or_else(
            || "none timed".to_owned(),
            |(cache, took)| {
                let name = figures::printable(&cache.info.name);
                format!("{} · slowest: {name}", quantiles(took))
            },
        );
        self.latency(name, slowest.map(|(_, took)| took), detail)
    }

    fn answers(&self) -> Tile {
        let took = self.state.reading.answers;
        let detail = match took.p99 {
            Some(_) => format!("{} · of the daemon's requests", quantiles(took)),
            None => "none timed".to_owned(),
        };
        self.latency("Answers p99", Some(took), detail)
    }

    fn latency(&self, name: &'static str, took: Option<Took>, detail: String) -> Tile {
        Tile {
            name,
            value: figures::latency(took.and_then(|took| took.p99)),
            detail,
            went: None,
            style: self.theme.strong,
        }
    }
}

fn quantiles(took: Took) -> String {
    let (p50, p95) = (figures::latency(took.p50), figures::latency(took.p95));
    format!("p50 {p50} · p95 {p95}")
}
