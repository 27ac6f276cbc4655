//! How much a registry may hold. The registry and its families enforce it.

/// How much a registry holds.
///
/// ```
/// use larder_metrics::{Clock, Limits, Registry};
/// let registry = Registry::with(Limits { series_per_family: 2, ..Limits::default() }, Clock::system());
/// for kind in ["midi", "osc", "key", "mouse"] {
///     registry.counter_with("events", &[("type", kind)])?.increment();
/// }
/// let events = registry.snapshot();
/// assert_eq!(events.counter("events", &[("overflow", "true")]), Some(2));
/// assert_eq!(events.families[0].overflowed, 2);
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most names; one more is [`Error::TooManyFamilies`](crate::Error::TooManyFamilies). 1,000 by default.
    pub families: usize,
    /// The most series of a name; what is over shares one series that is tagged
    /// `overflow="true"`. 1,000 by default.
    pub series_per_family: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            families: 1_000,
            series_per_family: 1_000,
        }
    }
}
