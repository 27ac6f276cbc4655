//! An Ableton Live Set as a versioned tree: look-ups that are never stale, and changes as they happen.
//!
//! ```text
//! FILE.als ── als (gzip, XML) ──► Tree: a hash for each node, over all below it
//!    ▲ watch: changed, read again, told as a diff      │
//!    │                                                 │ each edit rehashes its path alone
//! worker ◄── udp ── Live's events (OSC, numbered) ─────┘
//!    │
//!    ├── broadcast ──► socket: FULL_AST, then DIFF_UPDATE           /live/ws
//!    └── lookup: get_or_load_at(what, hash of its subtree, render)  /live/tracks/{i}, …
//! ```
//!
//! The caching pattern is the *versioned look-up*: the line `get_or_load_at` in `lookup.rs`. A result is
//! keyed by what it is of and valid for the hash of the subtree that it was made from. So nothing is
//! stale, nothing is invalidated, and an edit to one track leaves the results of the others warm.
//!
//! Where to start: `worker.rs` is the one task that changes the set, `session.rs` what it does with
//! events, `als/place.rs` the layout of the file.

pub mod als;
mod apply;
pub mod demo;
mod diff;
pub mod events;
mod figures;
mod http;
mod lookup;
mod query;
mod render;
mod roots;
mod service;
mod session;
mod shared;
mod socket;
mod tell;
mod tree;
mod udp;
mod watch;
mod worker;

pub use diff::{Change, ChangeKind, Diff, diff};
pub use lookup::{Found, Lookup, LookupError};
pub use query::{Query, QueryError};
pub use service::{LiveSet, Options, Running};
pub use tree::{Attributes, Children, Hash, Kind, Node, Path, Siblings, Tree, Value};
pub use worker::Opened;
