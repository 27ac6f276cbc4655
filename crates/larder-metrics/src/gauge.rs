//! Gauges: a level that rises and falls. They know no names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::clock::{Clock, Reading};
use crate::context::Context;

/// A value that rises and falls, with the smallest and largest value seen. Cloning gives a handle to
/// the same value.
///
/// Updates take no lock; additions from many threads are all counted, exactly so for whole numbers
/// up to 2^53. Each update reads the clock once. JSON has no word for NaN and infinities: they are
/// exported as `null`.
///
/// ```
/// let registry = larder_metrics::Registry::new();
/// let clients = registry.gauge("websocket.clients")?;
/// clients.set(3.0);
/// clients.add(-1.0);
/// assert_eq!(clients.value(), 2.0);
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Level>);

#[derive(Debug)]
#[repr(align(64))]
struct Level {
    value: AtomicF64,
    /// Infinity until the first update.
    min: AtomicF64,
    /// Negative infinity until the first update.
    max: AtomicF64,
    /// A reading of the clock; [`NEVER`] until the first update.
    updated: AtomicU64,
    context: Arc<Context>,
}

const NEVER: u64 = u64::MAX;

/// What a [`Gauge`] showed at one instant.
///
/// ```
/// let gauge = larder_metrics::Gauge::new();
/// assert_eq!(gauge.snapshot().updated_at, None);
/// gauge.set(0.85);
/// gauge.set(0.25);
/// let seen = gauge.snapshot();
/// assert_eq!((seen.value, seen.min, seen.max), (0.25, Some(0.25), Some(0.85)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GaugeSnapshot {
    /// The value; 0 before the first update.
    pub value: f64,
    /// The smallest value since the first update or the last reset.
    pub min: Option<f64>,
    /// The largest value since the first update or the last reset.
    pub max: Option<f64>,
    /// When the value was last set or added to.
    pub updated_at: Option<SystemTime>,
}

impl Gauge {
    /// A gauge that belongs to no registry and is always enabled; its value is 0.
    ///
    /// ```
    /// assert_eq!(larder_metrics::Gauge::new().value(), 0.0);
    /// ```
    pub fn new() -> Self {
        Self::within(&Context::new(Clock::system()))
    }

    pub(crate) fn within(context: &Arc<Context>) -> Self {
        Self(Arc::new(Level {
            value: AtomicF64::new(0.0),
            min: AtomicF64::new(f64::INFINITY),
            max: AtomicF64::new(f64::NEG_INFINITY),
            updated: AtomicU64::new(NEVER),
            context: context.clone(),
        }))
    }

    /// Sets the value; nothing while the registry is disabled.
    pub fn set(&self, value: f64) {
        if self.0.context.is_enabled() {
            self.0.value.store(value);
            self.updated_to(value);
        }
    }

    /// Adds `delta`, which may be negative; nothing while the registry is disabled.
    pub fn add(&self, delta: f64) {
        if self.0.context.is_enabled() {
            let value = self
                .0
                .value
                .update(|value| Some(value + delta))
                .unwrap_or(delta);
            self.updated_to(value);
        }
    }

    /// The value; 0 before the first update.
    pub fn value(&self) -> f64 {
        self.0.value.load()
    }

    /// The value with its extremes and the time of its last update.
    pub fn snapshot(&self) -> GaugeSnapshot {
        let clock = self.0.context.clock();
        let updated = Some(self.0.updated.load(Ordering::Relaxed)).filter(|&at| at != NEVER);
        GaugeSnapshot {
            value: self.value(),
            min: updated.map(|_| self.0.min.load()),
            max: updated.map(|_| self.0.max.load()),
            updated_at: updated.map(|at| clock.wall_at(Reading::from_raw(at))),
        }
    }

    /// The extremes start again from the present value, which stays.
    pub(crate) fn reset(&self) {
        if self.0.updated.load(Ordering::Relaxed) != NEVER {
            let value = self.value();
            self.0.min.store(value);
            self.0.max.store(value);
        }
    }

    fn updated_to(&self, value: f64) {
        self.0.min.update(|min| (value < min).then_some(value));
        self.0.max.update(|max| (value > max).then_some(value));
        self.0.updated.store(
            self.0.context.clock().read().raw().min(NEVER - 1),
            Ordering::Relaxed,
        );
    }
}

impl Default for Gauge {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
struct AtomicF64(AtomicU64);

impl AtomicF64 {
    fn new(value: f64) -> Self {
        Self(AtomicU64::new(value.to_bits()))
    }

    fn load(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn store(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Replaces the value by what `change` makes of it and returns that; `None` leaves it.
    fn update(&self, change: impl Fn(f64) -> Option<f64>) -> Option<f64> {
        let mut bits = self.0.load(Ordering::Relaxed);
        loop {
            let value = change(f64::from_bits(bits))?;
            match self.0.compare_exchange_weak(
                bits,
                value.to_bits(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(value),
                Err(now) => bits = now,
            }
        }
    }
}
