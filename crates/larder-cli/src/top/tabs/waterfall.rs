//! Who answered: each tier's share of the gets, how often, how quickly, with what it holds.
//!
//! It must not know of which caches.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget as _};

use crate::figures;
use crate::top::reading::{CacheReading, Did};
use crate::top::screen::Screen;
use crate::top::table::{fitted, titled};

const BAR: &str = "█";

/// A tier's row.
struct Tier {
    name: &'static str,
    gets: f64,
    latency: String,
    holds: String,
}

/// The rows that the waterfall of these caches takes, with its title.
pub(super) fn height(caches: &[CacheReading]) -> u16 {
    tiers(&Did::default(), caches).len() as u16 + 1
}

impl Screen<'_> {
    pub(super) fn draw_waterfall(
        &self,
        did: &Did,
        caches: &[CacheReading],
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let block = titled(" Who answered ".to_owned(), self.theme);
        let inner = block.inner(area);
        block.render(area, buffer);
        let bar_width = usize::from(inner.width).saturating_sub(16).min(24);
        let mut before = 0.0;
        let lines = tiers(did, caches).into_iter().map(|tier| {
            let share = did.share(tier.gets);
            let part = share.unwrap_or(0.0);
            let bar = bar(before, part, bar_width);
            before += part;
            let rate = figures::rate(did.per_second(tier.gets));
            let rest = [format!("{rate}/s"), tier.latency, tier.holds];
            let rest: Vec<_> = rest.into_iter().filter(|text| !text.is_empty()).collect();
            let room = usize::from(inner.width).saturating_sub(17 + bar_width);
            Line::from(vec![
                Span::raw(format!(" {:<7}{:>7} ", tier.name, figures::percent(share))),
                Span::styled(bar, self.theme.good),
                Span::styled(
                    format!(" {}", fitted(&rest.join(" · "), room)),
                    self.theme.dim,
                ),
            ])
        });
        Paragraph::new(lines.collect::<Vec<_>>()).render(inner, buffer);
    }
}

/// A bar that begins where the one above it ended.
fn bar(before: f64, part: f64, width: usize) -> String {
    let columns = |share: f64| (share.min(1.0) * width as f64).round() as usize;
    let (from, to) = (columns(before), columns(before + part));
    format!(
        "{}{}{}",
        " ".repeat(from),
        BAR.repeat(to - from),
        " ".repeat(width - to)
    )
}

fn tiers(did: &Did, caches: &[CacheReading]) -> Vec<Tier> {
    let disks: Vec<_> = caches
        .iter()
        .filter_map(|cache| cache.info.stats.disk.as_ref())
        .collect();
    let stores: Vec<_> = caches
        .iter()
        .filter_map(|cache| cache.info.stats.remote.as_ref())
        .collect();
    let entries = caches.iter().map(|cache| cache.info.entries).sum();
    let mut tiers = vec![Tier {
        name: "Memory",
        gets: did.memory_hits(),
        latency: mean(caches.iter().map(|cache| (cache.hit.count, cache.hit.mean))),
        holds: format!("{} entries", figures::short(entries)),
    }];
    if !disks.is_empty() {
        let (bytes, limit) = (
            disks.iter().map(|disk| disk.bytes).sum(),
            disks.iter().map(|disk| disk.max_bytes).sum(),
        );
        let is_off = disks.iter().any(|disk| disk.degraded.is_some());
        tiers.push(Tier {
            name: "Disk",
            gets: did.disk_hits,
            latency: if is_off {
                "switched off".to_owned()
            } else {
                String::new()
            },
            holds: format!("{} of {}", figures::bytes(bytes), figures::bytes(limit)),
        });
    }
    if !stores.is_empty() {
        let trip = stores.iter().filter_map(|store| store.round_trip_us).max();
        let is_down = stores.iter().any(|store| !store.is_up);
        tiers.push(Tier {
            name: "Shared",
            gets: did.remote_hits,
            latency: trip.map_or_else(String::new, |us| {
                format!("round trip {}", figures::latency(Some(us as f64 * 1e3)))
            }),
            holds: if is_down {
                "down".to_owned()
            } else {
                String::new()
            },
        });
    }
    tiers.push(Tier {
        name: "Origin",
        gets: did.misses(),
        latency: mean(
            caches
                .iter()
                .map(|cache| (cache.load.count, cache.load.mean)),
        ),
        holds: String::new(),
    });
    tiers
}

/// The mean over caches of what was timed, in words; empty where nothing was.
fn mean(timed: impl Iterator<Item = (u64, Option<f64>)>) -> String {
    let (mut total_ns, mut count) = (0.0, 0.0);
    for (times, mean_ns) in timed {
        if let Some(mean_ns) = mean_ns {
            total_ns += mean_ns * times as f64;
            count += times as f64;
        }
    }
    if count == 0.0 {
        return String::new();
    }
    format!("mean {}", figures::latency(Some(total_ns / count)))
}
