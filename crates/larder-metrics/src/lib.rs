//! Timings, counters and gauges with tags, exported as JSON and as a summary.

mod buckets;
mod clock;
mod context;
mod counter;
mod distribution;
mod error;
mod family;
mod gauge;
mod histogram;
mod name;
mod registry;
mod snapshot;
mod tags;
mod timing;

pub use clock::{Clock, ManualClock};
pub use counter::Counter;
pub use distribution::{Bucket, TimingSnapshot};
pub use error::Error;
pub use gauge::{Gauge, GaugeSnapshot};
pub use registry::{Kind, Limits, Registry, TagSlice};
pub use snapshot::{FamilySnapshot, Series, Snapshot, Value};
pub use tags::Tags;
pub use timing::{Timer, Timing};
