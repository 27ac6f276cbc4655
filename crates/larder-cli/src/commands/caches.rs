//! The list of caches as plain text.

use super::columns::columns;
use crate::client::Caches;
use crate::figures;

const HEADING: [&str; 11] = [
    "cache", "entries", "weight", "capacity", "gets", "hit rate", "hit", "miss", "load", "errors",
    "saved",
];

/// A row for each cache; latencies are means.
pub(super) fn report(caches: &Caches) -> String {
    if caches.caches.is_empty() {
        return "the server has no caches\n".to_owned();
    }
    let mut rows = vec![HEADING.map(str::to_owned).to_vec()];
    rows.extend(caches.caches.iter().map(|cache| {
        let stats = &cache.stats;
        vec![
            figures::printable(&cache.name),
            figures::count(cache.entries),
            figures::count(cache.weight),
            figures::count(cache.capacity),
            figures::count(stats.gets),
            figures::percent(stats.hit_rate),
            figures::latency(stats.latency.hit.mean_ns),
            figures::latency(stats.latency.miss.mean_ns),
            figures::latency(stats.latency.load.mean_ns),
            figures::count(stats.load_errors),
            figures::age(figures::from_ms(stats.time_saved_ms)),
        ]
    }));
    columns(&rows)
}
