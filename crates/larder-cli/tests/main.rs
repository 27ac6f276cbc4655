//! The command as users run it: against a server that says what a test wants, and as the daemon.

#[path = "main/accounts.rs"]
mod accounts;
#[path = "main/actions.rs"]
mod actions;
#[path = "main/advice.rs"]
mod advice;
#[path = "main/assistant_context.rs"]
mod assistant_context;
#[path = "main/audit.rs"]
mod audit;
#[path = "main/bench/mod.rs"]
mod bench;
#[path = "main/browser.rs"]
mod browser;
#[path = "main/commands.rs"]
mod commands;
#[path = "main/configuration.rs"]
mod configuration;
#[path = "main/daemon.rs"]
mod daemon;
#[path = "main/dashboard/mod.rs"]
mod dashboard;
#[path = "main/document.rs"]
mod document;
#[path = "main/documents/mod.rs"]
mod documents;
#[path = "main/exposition.rs"]
mod exposition;
#[path = "main/fleet.rs"]
mod fleet;
#[path = "main/grafana.rs"]
mod grafana;
#[path = "main/hanging.rs"]
mod hanging;
#[path = "main/keys.rs"]
mod keys;
#[path = "main/live.rs"]
mod live;
#[path = "main/metrics.rs"]
mod metrics;
#[path = "main/otlp.rs"]
mod otlp;
#[path = "main/remote.rs"]
mod remote;
#[path = "main/run.rs"]
mod run;
#[path = "main/scheduler_stats.rs"]
mod scheduler_stats;
#[path = "main/serve.rs"]
mod serve;
#[path = "main/server.rs"]
mod server;
#[path = "main/simulate.rs"]
mod simulate;
#[path = "main/switches.rs"]
mod switches;
#[path = "main/terminal.rs"]
mod terminal;
#[path = "main/top.rs"]
mod top;
#[path = "main/tracing.rs"]
mod tracing;
#[path = "main/workstations.rs"]
mod workstations;
