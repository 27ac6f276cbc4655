//! The pages of the book as documentation tests: what they show compiles and runs.
//!
//! Built for those tests only, and knows nothing of the crate.

macro_rules! pages {
    ($($page:ident: $file:literal;)*) => {$(
        #[doc = include_str!(concat!("../../../", $file))]
        mod $page {}
    )*};
}

pages! {
    front: "README.md";
    assistant_context: "docs/assistant_context.md";
    cached: "docs/cached.md";
    closing: "docs/closing.md";
    coherence: "docs/coherence.md";
    disk: "docs/disk.md";
    explain: "docs/explain.md";
    freshness: "docs/freshness.md";
    invalidation: "docs/invalidation.md";
    keys: "docs/keys.md";
    limits: "docs/limits.md";
    live: "docs/live.md";
    listeners: "docs/listeners.md";
    memory: "docs/memory.md";
    metrics: "docs/metrics.md";
    moka: "docs/moka.md";
    negative: "docs/negative.md";
    reading: "docs/reading.md";
    recommendations: "docs/recommendations.md";
    recommend_negative: "docs/recommendations/negative.md";
    recommend_overloads: "docs/recommendations/overloads.md";
    recommend_refresh_ahead: "docs/recommendations/refresh_ahead.md";
    scheduler_stats: "docs/scheduler_stats.md";
    snapshots: "docs/snapshots.md";
    statistics: "docs/statistics.md";
    sync: "docs/sync.md";
    versions: "docs/versions.md";
    warming: "docs/warming.md";
    workstations: "docs/workstations.md";
}
