//! Timings: how long things take. They know no names; counts live in the histogram.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Reading};
use crate::context::Context;
use crate::distribution::TimingSnapshot;
use crate::exemplars::{Exemplar, Exemplars};
use crate::histogram::{Cumulative, Histogram};

/// A distribution of durations, from 1 ns to 584 years, quantiles within 1.6 %. Cloning gives a
/// handle to the same distribution.
///
/// Recording takes no lock: two atomic additions, and an allocation of 264 bytes when a duration is
/// the first of its octave. A timing takes about 1 KiB, and 264 bytes for each octave in use.
///
/// ```
/// use std::time::Duration;
/// let registry = larder_metrics::Registry::new();
/// let loads = registry.timing("loads")?;
/// loads.record(Duration::from_millis(12));
/// let answer = loads.time(|| 6 * 7);
/// assert_eq!((answer, loads.snapshot().count()), (42, 2));
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Timing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    histogram: Histogram,
    exemplars: Exemplars,
    context: Arc<Context>,
}

impl Timing {
    /// A timing that belongs to no registry, is always enabled and reads the system's clock.
    ///
    /// ```
    /// let loads = larder_metrics::Timing::new();
    /// loads.record(std::time::Duration::from_millis(3));
    /// assert_eq!(loads.snapshot().count(), 1);
    /// ```
    pub fn new() -> Self {
        Self::within(&Context::new(Clock::system()))
    }

    pub(crate) fn within(context: &Arc<Context>) -> Self {
        Self(Arc::new(Inner {
            histogram: Histogram::new(),
            exemplars: Exemplars::default(),
            context: context.clone(),
        }))
    }

    /// Records a duration; nothing while the registry is disabled. One over 584 years counts as
    /// 584 years.
    #[inline]
    pub fn record(&self, duration: Duration) {
        if self.0.context.is_enabled() {
            self.0.histogram.record(nanos(duration));
        }
    }

    /// Records a duration of which a trace tells more: `trace_id` is W3C's. `OpenMetrics` names the
    /// newest one of each bucket as its exemplar; 0 is no trace. Reads the clock besides.
    ///
    /// ```
    /// use larder_metrics::{Exposition, Registry, TextFormat};
    /// let registry = Registry::new();
    /// let trace = 0x4bf92f3577b34da6_a3ce929d0e0e4736;
    /// registry.timing("loads")?.record_traced(std::time::Duration::from_millis(3), trace);
    /// let text = String::from_utf8(Exposition::of(&registry, TextFormat::OpenMetrics).finish())?;
    /// assert!(text.contains("{le=\"0.005\"} 1 # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 0.003 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record_traced(&self, duration: Duration, trace_id: u128) {
        if !self.is_enabled() {
            return;
        }
        let nanos = nanos(duration);
        self.0.histogram.record(nanos);
        if trace_id != 0 {
            let at = self.0.context.clock().wall();
            self.0.exemplars.put(Exemplar {
                trace_id,
                nanos,
                at,
            });
        }
    }

    /// Starts a timer that records when it is dropped, also while a panic unwinds.
    ///
    /// ```
    /// let loads = larder_metrics::Timing::new();
    /// {
    ///     let _timer = loads.start();
    ///     // … the work
    /// }
    /// assert_eq!(loads.snapshot().count(), 1);
    /// ```
    #[inline]
    pub fn start(&self) -> Timer<'_> {
        Timer {
            running: self
                .is_enabled()
                .then(|| (self, self.0.context.clock().read())),
        }
    }

    /// Runs `work` and records how long it took, also if it panics.
    ///
    /// ```
    /// let loads = larder_metrics::Timing::new();
    /// assert_eq!(loads.time(|| "done"), "done");
    /// ```
    #[inline]
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let _timer = self.start();
        work()
    }

    /// Wraps `future` so that the time from its first poll to its end is recorded.
    ///
    /// It counts also when the future panics, or is dropped after its first poll. A future that is
    /// never polled counts nothing.
    ///
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Waker}};
    /// let loads = larder_metrics::Timing::new();
    /// let load = loads.of(async { 42 });
    /// // … `load.await` gives 42
    /// # let _ = pin!(load).poll(&mut Context::from_waker(Waker::noop()));
    /// assert_eq!(loads.snapshot().count(), 1);
    /// ```
    pub fn of<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let timing = self.is_enabled().then(|| self.clone());
        async move {
            let _timer = timing.as_ref().map(Self::start);
            future.await
        }
    }

    /// What was recorded so far, since the last [`Registry::reset`](crate::Registry::reset).
    pub fn snapshot(&self) -> TimingSnapshot {
        self.0.histogram.snapshot()
    }

    pub(crate) fn cumulative(&self) -> Cumulative {
        self.0.histogram.cumulative()
    }

    /// The newest traced durations, if there were any.
    pub(crate) fn exemplars(&self) -> Option<&Exemplars> {
        self.0.exemplars.seen()
    }

    pub(crate) fn reset(&self) {
        self.0.exemplars.reset();
        self.0.histogram.reset();
    }

    #[inline]
    fn is_enabled(&self) -> bool {
        self.0.context.is_enabled()
    }

    #[inline]
    fn record_from(&self, start: Reading) -> Duration {
        let clock = self.0.context.clock();
        let duration = Duration::from_nanos(clock.nanos_between(start, clock.read()));
        self.record(duration);
        duration
    }
}

#[inline]
fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_secs().saturating_mul(1_000_000_000);
    nanos.saturating_add(duration.subsec_nanos().into())
}

impl Default for Timing {
    fn default() -> Self {
        Self::new()
    }
}

/// A running timer of a [`Timing`]; dropping it records the time since its start.
///
/// A timer that was started while the registry was disabled reads no clock and records nothing.
///
/// ```
/// let loads = larder_metrics::Timing::new();
/// let timer = loads.start();
/// let failed = true;
/// if failed {
///     timer.discard();
/// }
/// assert_eq!(loads.snapshot().count(), 0);
/// ```
#[derive(Debug)]
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct Timer<'a> {
    running: Option<(&'a Timing, Reading)>,
}

impl Timer<'_> {
    /// Records now, and returns what was recorded; zero if the registry was disabled at the start,
    /// because then no clock was read.
    ///
    /// ```
    /// let loads = larder_metrics::Timing::new();
    /// let duration = loads.start().stop();
    /// assert_eq!(loads.snapshot().sum(), duration);
    /// ```
    #[inline]
    pub fn stop(mut self) -> Duration {
        self.finish()
    }

    /// Ends the timer without recording.
    #[inline]
    pub fn discard(mut self) {
        self.running = None;
    }

    #[inline]
    fn finish(&mut self) -> Duration {
        self.running
            .take()
            .map_or(Duration::ZERO, |(timing, start)| timing.record_from(start))
    }
}

impl Drop for Timer<'_> {
    #[inline]
    fn drop(&mut self) {
        self.finish();
    }
}
