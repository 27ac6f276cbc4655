//! Workstations in a table, their list cached and invalidated by every write that changes it.
//!
//! ```text
//! GET  /api/workstations ─► answers (cache, 300 s) ─ miss ─► SELECT ─► JSON
//! POST, PUT, DELETE ─► fields (checked) ─► commit ─► invalidate ─► notices ─► /ws/workstations
//! GET  /api/performance/… ─► figures of this cache, for admins
//! ```
//!
//! The caching pattern is *invalidate on write*, and stands in one line of `write.rs`: in the function
//! that commits, after the commit. A reader that starts after a write has returned sees it, for
//! a load that began before the invalidation is not stored. What is cached is the answer's text, so a
//! hit serializes nothing.
//!
//! It must not know who may do what: its routes are mounted by role.

mod answer;
mod fields;
mod http;
mod notices;
mod performance;
mod record;
mod service;
mod table;
mod write;

pub use answer::{Answer, AnswerKey};
pub use record::{Summary, Workstation};
pub use service::{Options, Running, StartError, Workstations};
