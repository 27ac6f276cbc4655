//! Timings, counters and gauges with tags, exported as JSON, as a summary, and to Prometheus.
//!
//! A [`Registry`] resolves names and tags to handles, once; a handle records without a lock:
//!
//! ```
//! use larder_metrics::Registry;
//! use std::time::Duration;
//!
//! let registry = Registry::new();
//! let received = registry.counter("events.received")?;
//! let clients = registry.gauge("websocket.clients")?;
//! let processing = registry.timing_with("event.processing.duration", &[("type", "midi")])?;
//!
//! received.increment();
//! clients.add(1.0);
//! processing.record(Duration::from_millis(15));
//! processing.time(|| { /* … the work */ });
//!
//! let snapshot = registry.snapshot();
//! assert_eq!(snapshot.counter("events.received", &[]), Some(1));
//! println!("{}", snapshot.summary());
//! println!("{}", snapshot.to_json());
//! # Ok::<(), larder_metrics::Error>(())
//! ```
//!
//! # What is recorded
//!
//! | handle | holds | exact |
//! |---|---|---|
//! | [`Counter`] | a count that only grows | under any number of threads |
//! | [`UpDownCounter`] | a count of what comes and goes | under any number of threads |
//! | [`Gauge`] | a value, its extremes, the time of its last update | whole numbers up to 2^53 |
//! | [`Timing`] | a distribution of durations, 1 ns to 584 years | count, sum, mean, min, max; quantiles within 1.6 % |
//!
//! [`Timing::start`] gives a [`Timer`] that records when it is dropped; [`Timing::time`] wraps a
//! closure and [`Timing::of`] a future. All three count also when the work panics or the future is
//! dropped; [`Timer::discard`] records nothing. [`macro@timed`] times a whole function.
//!
//! # Rates and windows
//!
//! Values cover the time since the registry was made or [reset](Registry::reset).
//! [`Snapshot::since`] gives what was recorded between two snapshots, with
//! [rates](Snapshot::rate) and quantiles of that window alone. [`Windows`] answers for the last minute,
//! five minutes and hour, a [`History`] keeps the last snapshots and answers for the last N seconds, and
//! a [`Timeline`] keeps 90 days in bounded memory, in a [file](TimelineFile) if you wish.
//!
//! ```
//! use larder_metrics::Registry;
//!
//! let registry = Registry::new();
//! let received = registry.counter("events.received")?;
//! received.add(100);
//! let earlier = registry.snapshot();
//! received.add(3);
//! let window = registry.snapshot().since(&earlier);
//! assert_eq!(window.counter("events.received", &[]), Some(3));
//! # Ok::<(), larder_metrics::Error>(())
//! ```
//!
//! # Prometheus
//!
//! An [`Exposition`] writes a registry as Prometheus' text or as `OpenMetrics`, whichever the scraper
//! [asks for](TextFormat::negotiate), and figures that others keep besides.
//!
//! # Other crates
//!
//! With the feature `recorder` a `Recorder` puts what other crates record through the crate `metrics`
//! into a registry.
//!
//! # Limits
//!
//! A registry holds at most 1,000 names, and 1,000 series of each, unless its [`Limits`] say
//! otherwise. A name too many is an [`Error`]; series over the limit share one that is tagged
//! `overflow="true"`, so that their sum stays right, and both are counted in the [`Snapshot`]. Tags
//! are at most 16, keys at most 64 bytes, values 1 to 256 bytes. A [`Timing`] takes about 1 KiB, and
//! 264 bytes for each octave of durations in use.
//!
//! # What it costs
//!
//! An addition to a counter costs what an atomic addition costs, and recording a duration about
//! twice as much; a running timer reads the clock twice besides. While the registry is
//! [disabled](Registry::set_enabled), a recording is one load of a flag: no tag and no clock is
//! looked at. `cargo run --release -p larder-bench --bin metrics` measures these against a plain
//! atomic addition.
//!
//! # What it does not do
//!
//! It sets no global, reads no environment, starts no thread, opens no socket and writes no log. Time
//! comes from a [`Clock`], which a test replaces by a [`ManualClock`].

mod buckets;
mod carry;
mod clock;
mod context;
mod counter;
mod described;
mod distribution;
mod error;
mod exemplars;
mod exposition;
mod family;
mod gauge;
mod histogram;
mod history;
mod json;
mod kind;
mod limits;
mod name;
#[cfg(feature = "recorder")]
mod recorder;
mod registry;
mod samples;
mod snapshot;
mod summary;
mod tags;
mod timed;
mod timeline;
mod timestamp;
mod timing;
mod up_down;
mod windows;

pub use carry::Carry;
pub use clock::{Clock, ManualClock};
pub use counter::Counter;
pub use described::{Form, Metric};
pub use distribution::{Bucket, TimingSnapshot};
pub use error::Error;
pub use exposition::{Exposition, Number, TextFormat, negotiate};
pub use gauge::{Gauge, GaugeSnapshot};
pub use history::History;
pub use kind::Kind;
pub use limits::Limits;
#[cfg(feature = "recorder")]
pub use recorder::Recorder;
pub use registry::{Registry, TagSlice};
pub use samples::{Samples, Sink};
pub use snapshot::{FamilySnapshot, Series, Snapshot, Value};
pub use tags::Tags;
pub use timed::timed;
pub use timeline::{Column, Lines, Query, SetAside, Timeline, TimelineFile, Track, TrackKind};
pub use timing::{Timer, Timing};
pub use up_down::UpDownCounter;
pub use windows::{Window, Windows};
