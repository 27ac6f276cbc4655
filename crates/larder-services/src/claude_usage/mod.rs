//! Totals of every Claude Code session log: tokens and cost by model, project, session and day.
//!
//! A [`Collector`] finds the logs, reads what is new, counts each API message once and keeps what
//! it has counted in a state file. What it knows is an immutable [`Report`], from which any thread
//! makes a [`View`] of a [`TimeRange`] without waiting for a refresh.
//!
//! ```text
//! roots ─ files (walk, what changed) ─ scan (read new bytes) ─ line (one line) ─┐
//!                                                                              ▼
//!           view ◄─ report (immutable) ◄──────────────────────────── ledger (absorb) ◄─► state
//! ```
//!
//! A file counts once, whatever paths and links lead to it, and goes on counting once when it or its
//! directory is renamed: its device and inode and what it says up to the point reached tell that it
//! is the same. What was counted under the old path may keep that path's project. Where the system
//! gives no inodes, the lines without a message id of a renamed file count anew.
//!
//! The counting half blocks, and knows nothing of HTTP, of async runtimes or of environment
//! variables. [`ClaudeUsage`] refreshes it in the background and answers over HTTP.

mod books;
mod codec;
mod collector;
mod counter;
mod demo;
mod files;
mod history;
mod http;
mod json;
mod keeper;
mod ledger;
mod line;
mod names;
mod prices;
mod progress;
mod record;
mod refresh;
mod report;
mod scan;
mod service;
mod state;
mod tail;
mod view;
mod watch;
mod window;

pub use collector::{Changes, Collector, Error, Refreshed, Settings, default_roots};
pub use demo::Demo;
pub use prices::{Prices, PricesError};
pub use progress::{Progress, ProgressSnapshot};
pub use record::{Cost, Tokens};
pub use report::{ArchivedDay, Call, Cell, Day, Report, Scan, Totals};
pub use service::{AnswerKey, ClaudeUsage, Options, Running};
pub use view::{TimeRange, UnknownTimeRange, View};
pub use watch::{WatchError, Watcher};
