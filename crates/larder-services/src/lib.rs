//! Real services built on Larder's public API.

pub mod assistant_context;
pub mod claude_usage;
pub mod live;
pub mod scheduler_stats;
pub mod sql;
pub mod workstations;
