//! The simulator: tasks arrive, five schedulers divide each between CPU and GPU, one of them learns.
//!
//! ```text
//! tasks (Poisson arrivals, lognormal sizes) ─► cost (what a division takes) ─► schedulers (who divides)
//!                                                     run (events in order) ◄─┘   ▲ regression, every 50
//! ```
//! Pure: time comes as numbers, chance from a seed. Must not know SQL, HTTP or caches.

mod cost;
mod regression;
mod run;
mod schedulers;
mod tasks;

pub(super) use run::{Completed, Run};
pub use schedulers::Scheduler;
