//! Context for a chat assistant, read through memory and a shared store from a slow RPC, with an account
//! of what that saves.
//!
//! ```text
//! POST /codette/chat ─► question (normalised) ─► memory ─► shared store ─► rpc: knowledge (SQLite FTS5)
//!                            reply ◄─ context ◄────┴────────────┴───────────┘   or PostgREST by URL
//!                                        └─► ledger: who answered, how fast
//! GET /codette/cache/…, /codette/analytics/… ◄─ report ◄─ ledger, cache, advice
//! ```
//!
//! The caching pattern is *tiered read-through*: who asks names the key and how to load it, and the cache
//! finds the nearest tier that has it, fills those above, and calls the RPC once however many ask. It
//! stands in one line of `service`: `entry(&key).or_load(RPC)`. A failure of the RPC is never stored.
//!
//! There is no model in it: a reply is put together from what the context holds. It must not know who may
//! do what (its routes are mounted by role), nor which server the shared store is.

mod advice;
mod context;
mod http;
mod knowledge;
mod ledger;
mod postgrest;
mod question;
mod reply;
mod report;
mod rpc;
mod service;
mod wire;

pub use context::{Chat, Context, File, Snippet};
pub use knowledge::Knowledge;
pub use postgrest::{PostgRest, PostgRestError};
pub use question::Question;
pub use rpc::{Closing, Fetching, Rpc, RpcError};
pub use service::{AssistantContext, Options, Running};
