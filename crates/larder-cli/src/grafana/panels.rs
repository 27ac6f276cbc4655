//! What the dashboard shows. `<metric>` names one that is exported; `CACHES` and `HERE` stand for what was
//! chosen at the top of the page, `WINDOW` for Grafana's interval of rates.

/// Panels that belong together.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: &'static [Panel],
}

/// A chart.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What to see in it.
    pub(super) help: &'static str,
    /// Grafana's name of it.
    pub(super) unit: &'static str,
    /// Legends and queries.
    pub(super) queries: &'static [(&'static str, &'static str)],
}

pub(super) const ROWS: &[Row] = &[
    Row {
        title: "Do the caches earn their memory?",
        panels: &[
            Panel {
                title: "Hit ratio",
                help: "Gets that a cache answered, of all. A miss waits for a load.",
                unit: "percentunit",
                queries: &[(
                    "{{cache}}",
                    r#"sum by (cache) (rate(<larder_cache_gets>{CACHES,result="hit"}[WINDOW])) / sum by (cache) (rate(<larder_cache_gets>{CACHES}[WINDOW]))"#,
                )],
            },
            Panel {
                title: "Gets per second",
                help: "What is asked of each cache.",
                unit: "ops",
                queries: &[(
                    "{{cache}}",
                    "sum by (cache) (rate(<larder_cache_gets>{CACHES}[WINDOW]))",
                )],
            },
            Panel {
                title: "Time saved, in all",
                help: "Hits times what a miss takes longer than a hit, since the start.",
                unit: "s",
                queries: &[(
                    "{{cache}}",
                    "sum by (cache) (<larder_cache_time_saved_seconds>{CACHES})",
                )],
            },
            Panel {
                title: "Memory against its limit",
                help: "What entries weigh, of what they may. A full cache evicts.",
                unit: "percentunit",
                queries: &[(
                    "{{cache}}",
                    "sum by (cache) (<larder_cache_weight>{CACHES}) / sum by (cache) (<larder_cache_capacity>{CACHES})",
                )],
            },
            Panel {
                title: "Entries",
                help: "In memory, expired ones that are not reclaimed yet included.",
                unit: "short",
                queries: &[(
                    "{{cache}}",
                    "sum by (cache) (<larder_cache_entries>{CACHES})",
                )],
            },
            Panel {
                title: "Entries that left, by cause",
                help: "Many that make room (capacity) with few hits: the cache is too small, or its keys do not repeat.",
                unit: "ops",
                queries: &[(
                    "{{cache}} {{cause}}",
                    "sum by (cache, cause) (rate(<larder_cache_evictions>{CACHES}[WINDOW]))",
                )],
            },
        ],
    },
    Row {
        title: "What do misses cost?",
        panels: &[
            Panel {
                title: "Loads by result",
                help: "What is asked of the origin.",
                unit: "ops",
                queries: &[(
                    "{{cache}} {{result}}",
                    "sum by (cache, result) (rate(<larder_cache_loads>{CACHES}[WINDOW]))",
                )],
            },
            Panel {
                title: "Mean time of hits, misses and loads",
                help: "In the window. One hit in 64 is timed.",
                unit: "s",
                queries: &[(
                    "{{cache}} {{of}}",
                    "sum by (cache, of) (rate(<larder_cache_latency_seconds>_sum{CACHES}[WINDOW])) / sum by (cache, of) (rate(<larder_cache_latency_seconds>_count{CACHES}[WINDOW]))",
                )],
            },
            Panel {
                title: "p99 of hits, misses and loads",
                help: "Since the start, or since figures were begun anew.",
                unit: "s",
                queries: &[(
                    "{{cache}} {{of}}",
                    r#"max by (cache, of) (<larder_cache_latency_seconds>{CACHES,quantile="0.99"})"#,
                )],
            },
            Panel {
                title: "Misses that shared a load",
                help: "Each would have asked the origin by itself without the cache.",
                unit: "ops",
                queries: &[(
                    "{{cache}}",
                    "sum by (cache) (rate(<larder_cache_coalesced>{CACHES}[WINDOW]))",
                )],
            },
            Panel {
                title: "Stale values served",
                help: "Where the policy says so: while a value is refreshed, or when its loader fails.",
                unit: "ops",
                queries: &[(
                    "{{cache}}",
                    "sum by (cache) (rate(<larder_cache_stale_served>{CACHES}[WINDOW]))",
                )],
            },
            Panel {
                title: "Waits given up and gets refused",
                help: "Past the hard time-out; and with as many loads running as may.",
                unit: "ops",
                queries: &[
                    (
                        "{{cache}} given up",
                        "sum by (cache) (rate(<larder_cache_timeouts>{CACHES}[WINDOW]))",
                    ),
                    (
                        "{{cache}} refused",
                        "sum by (cache) (rate(<larder_cache_overloads>{CACHES}[WINDOW]))",
                    ),
                ],
            },
        ],
    },
    Row {
        title: "Tiers under memory",
        panels: &[
            Panel {
                title: "Reads of tiers, by result",
                help: "A hit there was a miss in memory, and spared a load.",
                unit: "ops",
                queries: &[(
                    "{{cache}} {{tier}} {{result}}",
                    "sum by (cache, tier, result) (rate(<larder_cache_tier_reads>{CACHES}[WINDOW]))",
                )],
            },
            Panel {
                title: "Link to the shared store",
                help: "1: it stands; and what memory holds is vouched for.",
                unit: "short",
                queries: &[
                    (
                        "{{cache}} up",
                        "min by (cache) (<larder_cache_remote_up>{CACHES})",
                    ),
                    (
                        "{{cache}} trusted",
                        "min by (cache) (<larder_cache_remote_trusted>{CACHES})",
                    ),
                ],
            },
            Panel {
                title: "Round trip to the shared store",
                help: "Of the last heartbeat.",
                unit: "s",
                queries: &[(
                    "{{cache}}",
                    "max by (cache) (<larder_cache_remote_round_trip_seconds>{CACHES})",
                )],
            },
        ],
    },
    Row {
        title: "Requests and queries",
        panels: &[
            Panel {
                title: "Requests per second",
                help: "By route.",
                unit: "reqps",
                queries: &[(
                    "{{method}} {{endpoint}}",
                    "sum by (method, endpoint) (rate(<http_requests_total>{HERE}[WINDOW]))",
                )],
            },
            Panel {
                title: "p99 of requests",
                help: "From a request's arrival to its response's head, by route.",
                unit: "s",
                queries: &[(
                    "{{endpoint}}",
                    "histogram_quantile(0.99, sum by (le, endpoint) (rate(<http_request_duration_seconds>{HERE}[WINDOW])))",
                )],
            },
            Panel {
                title: "p99 of database queries",
                help: "Their wait for a connection included.",
                unit: "s",
                queries: &[(
                    "{{operation}} {{table}}",
                    "histogram_quantile(0.99, sum by (le, operation, table) (rate(<database_query_duration_seconds>{HERE}[WINDOW])))",
                )],
            },
        ],
    },
];
