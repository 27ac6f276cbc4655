//! What the service tells of itself: the set, the cache, its figures.

use std::time::Duration;

use larder::AnyCache;
use serde_json::{Map, Value as Json, json};

use super::service::LiveSet;
use super::tree::{Hash, Kind};

impl LiveSet {
    /// Its figures as JSON: all of them.
    pub fn metrics(&self) -> Json {
        self.set_hit_rate();
        self.figures().registry.snapshot().to_json()
    }

    /// Its figures as JSON: the ones that a person asks for.
    pub fn metrics_summary(&self) -> Json {
        self.set_hit_rate();
        self.figures().summary()
    }

    fn set_hit_rate(&self) {
        let rate = self.cache().stats().hit_rate();
        self.figures().hit_rate.set(rate.unwrap_or(0.0));
    }

    /// The set, what it has, and where the song is; null where nothing is known.
    pub(super) fn project(&self) -> Json {
        self.inner.shared.read(|state| {
            let Some(open) = &state.open else {
                return json!({ "project_path": null, "load_error": state.load_error });
            };
            let tree = &open.tree;
            let counts =
                Kind::ALL.map(|kind| (format!("{}s", kind.name()), tree.count(kind).into()));
            json!({
                "project_path": open.project_path(),
                "source": if open.path.is_some() { "file" } else { "built-in" },
                "version": Hash(tree.root().hash()),
                "attributes": tree.root().attributes(),
                "counts": counts.into_iter().collect::<Map<_, _>>(),
                "nodes": tree.nodes(),
                "inflated_bytes": open.inflated_bytes,
                "load_ms": open.load_time.as_secs_f64() * 1e3,
                "loaded_at": open.loaded_at.to_string(),
                "load_error": state.load_error,
                "transport": { "playing": open.playing, "position": open.position },
            })
        })
    }

    /// The cache's figures, in the shape of the service's document.
    pub(super) fn cache_stats(&self) -> Json {
        let (cache, stats) = (self.cache(), self.cache().stats());
        let version = self.inner.shared.read(|state| {
            let open = state.open.as_ref();
            open.map(|open| Hash(open.tree.root().hash()).to_string())
        });
        let mut entries = Map::new();
        let capacity = usize::try_from(cache.max_capacity()).unwrap_or(usize::MAX);
        for entry in AnyCache::entries(cache, "", capacity) {
            let kind = entry.key.split(':').next().unwrap_or_default().to_owned();
            let count = entries.get(&kind).and_then(Json::as_u64).unwrap_or(0) + 1;
            entries.insert(kind, count.into());
        }
        let nanos = |latency: Option<Duration>| latency.map(|l| l.as_nanos() as u64);
        json!({
            "enabled": cache.max_capacity() > 0,
            "capacity": cache.max_capacity(),
            "size": cache.len(),
            "version": version,
            "entries": entries,
            "statistics": {
                "hits": stats.hits,
                "misses": stats.misses,
                "total_requests": stats.hits + stats.misses,
                "hit_rate": stats.hit_rate().unwrap_or(0.0),
                "evictions": stats.evictions.capacity,
                "replaced_by_version": stats.evictions.replaced,
                "mean_hit_ns": nanos(stats.hit.mean),
                "mean_miss_ns": nanos(stats.miss.mean),
                "time_saved_ms": stats.time_saved.as_secs_f64() * 1e3,
            },
        })
    }
}
