//! The registry, its handles, windows and exports, as a user sees them.

#[path = "main/counters.rs"]
mod counters;
#[path = "main/exports.rs"]
mod exports;
#[path = "main/exposition.rs"]
mod exposition;
#[path = "main/gauges.rs"]
mod gauges;
#[path = "main/names.rs"]
mod names;
#[path = "main/parsers.rs"]
mod parsers;
#[path = "main/points.rs"]
mod points;
#[cfg(feature = "recorder")]
#[path = "main/recorder.rs"]
mod recorder;
#[path = "main/timeline.rs"]
mod timeline;
#[path = "main/timers.rs"]
mod timers;
#[path = "main/timings.rs"]
mod timings;
#[path = "main/up_down.rs"]
mod up_down;
#[path = "main/windows.rs"]
mod windows;

use larder_metrics::{Limits, ManualClock, Registry};

fn manual() -> (ManualClock, Registry) {
    let manual = ManualClock::new();
    let registry = Registry::with(Limits::default(), manual.clock());
    (manual, registry)
}
