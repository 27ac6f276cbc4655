//! The services, tested as their users meet them.

#[path = "main/assistant_context/mod.rs"]
mod assistant_context;
#[path = "main/claude_usage/mod.rs"]
mod claude_usage;
#[path = "main/databases.rs"]
mod databases;
#[path = "main/live/mod.rs"]
mod live;
#[path = "main/scheduler_stats/mod.rs"]
mod scheduler_stats;
#[path = "main/sql.rs"]
mod sql;
#[path = "main/workstations/mod.rs"]
mod workstations;
