//! A cache layer for services: tiered, coherent, and it shows what it saves.

mod clock;

pub use clock::{Clock, ManualClock, Tick};
