//! Counts that go on where a series began anew: one cache's statistics are reset, and the others' are
//! not. It reads and changes snapshots; windows and timelines take what it gives.

use std::collections::HashMap;
use std::sync::Arc;

use crate::snapshot::{Snapshot, Value, has_begun_anew};
use crate::tags::Tags;

/// Makes counters and timings that began anew go on from what they held before, so that windows and
/// histories lose nothing of what came before the reset.
///
/// It notices a series that holds an eighth less than a snapshot before. One that had passed its former
/// count again by then goes unnoticed. It keeps one snapshot, and a value for each series that began anew
/// and is still there.
///
/// ```
/// use larder_metrics::{Carry, Registry};
///
/// let registry = Registry::new();
/// let gets = registry.counter("gets")?;
/// let mut carry = Carry::default();
/// gets.add(300);
/// assert_eq!(carry.on(registry.snapshot()).counter("gets", &[]), Some(300));
/// registry.reset();
/// gets.add(5);
/// assert_eq!(carry.on(registry.snapshot()).counter("gets", &[]), Some(305));
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Carry {
    newest: Option<Snapshot>,
    /// What series held when they began anew, in all.
    carried: HashMap<(Arc<str>, Tags), Value>,
}

impl Carry {
    /// The snapshot with what was there before, to be taken in the order of time. O(series).
    pub fn on(&mut self, mut snapshot: Snapshot) -> Snapshot {
        // What was reset goes on all the same.
        snapshot.resets = 0;
        let earlier = self.newest.take();
        let mut former = std::mem::take(&mut self.carried);
        for family in &mut snapshot.families {
            let before = earlier.as_ref().and_then(|all| all.family(&family.name));
            for series in &mut family.series {
                let place = || (family.name.clone(), series.tags.clone());
                let mut held = None;
                if !former.is_empty() {
                    held = former.remove(&place());
                }
                let before = before.and_then(|before| before.of(&series.tags));
                if let Some(before) = before
                    && is_anew(&series.value, held.as_ref(), &before.value)
                {
                    held = Some(before.value.clone());
                }
                if let Some(held) = held {
                    let place = place();
                    series.value.add(&held);
                    self.carried.insert(place, held);
                }
            }
        }
        self.newest = Some(snapshot.clone());
        snapshot
    }
}

/// Whether a series began anew; `before` has what was carried.
fn is_anew(now: &Value, carried: Option<&Value>, before: &Value) -> bool {
    let count = |value: &Value| match value {
        Value::Counter(count) => Some(*count),
        Value::Timing(timing) => Some(timing.count()),
        Value::UpDownCounter(_) | Value::Gauge(_) => None,
    };
    let carried = carried.and_then(count).unwrap_or(0);
    let (now, before) = (count(now), count(before));
    now.zip(before)
        .is_some_and(|(now, before)| has_begun_anew(now, before.saturating_sub(carried)))
}

impl Value {
    /// Adds what another of its kind held; up-down counters and gauges are as they are.
    fn add(&mut self, held: &Self) {
        match (self, held) {
            (Self::Counter(count), Self::Counter(held)) => *count += held,
            (Self::Timing(timing), Self::Timing(held)) => *timing = timing.plus(held),
            _ => {}
        }
    }
}
