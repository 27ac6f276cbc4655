//! A scheduler simulator whose results go to SQL, their aggregates cached in namespaces with a time to
//! live each, and everything exported to Prometheus.
//!
//! ```text
//! POST /api/start ─► simulator (tasks, five schedulers, a model refitted) ─► outbox ─► writer ─► SQL
//!                        └ /ws/scheduler                                                        │
//! GET /api/schedulers/{name}/stats ─► scheduler_stats (cache, 10 s) ─── miss: SELECT AVG(…) … ◄─┤
//! GET /api/training-data?limit= ────► training_data (cache, 30 s) ───── miss: SELECT … LIMIT ◄──┘
//! GET /metrics/prometheus, /metrics/cache ─► what the registry and the two caches have counted
//! ```
//!
//! The caching pattern is *namespaces with a time to live*: nothing is invalidated when rows are
//! written, for who reads figures of the last seconds is content with those of ten seconds ago. It stands
//! in one line each of `reads`: `get_or_load(key, SELECT)`. The two caches are the namespaces.
//!
//! It must not know who may do what: its routes are mounted by role.

mod control;
mod figures;
mod http;
mod metrics;
mod outbox;
mod reads;
mod service;
mod simulator;
mod socket;
mod store;

pub(crate) use figures::METRICS;
pub use reads::SchedulerFigures;
pub use service::{Options, Running, SchedulerStats, StartError};
pub use simulator::Scheduler;
