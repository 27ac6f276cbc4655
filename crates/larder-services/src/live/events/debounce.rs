//! Parameters that move fast: of each, the last value in a span counts.

use std::collections::HashMap;
use std::time::Duration;

use larder::Tick;

use super::super::tree::Value;

/// Parameters that may move at the same time; past that their values are applied at once.
const PARAMETERS_MAX: usize = 4_096;

/// A parameter: track, device and place in the device.
pub(crate) type Parameter = [usize; 3];

/// A value that waits for its span to end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waiting {
    pub(crate) parameter: Parameter,
    pub(crate) value: Value,
    pub(crate) seq_num: Option<i32>,
    due: Tick,
}

/// Values that wait.
pub(crate) struct Debounce {
    span: Duration,
    waiting: HashMap<Parameter, Waiting>,
    /// The first of the spans' ends.
    due: Option<Tick>,
}

impl Debounce {
    pub(crate) fn new(span: Duration) -> Self {
        Self {
            span,
            waiting: HashMap::new(),
            due: None,
        }
    }

    /// Keeps a value until the span that its parameter's first one began is over. Gives it back if it
    /// cannot wait.
    pub(crate) fn hold(
        &mut self,
        parameter: Parameter,
        value: Value,
        seq_num: Option<i32>,
        now: Tick,
    ) -> Option<Waiting> {
        if let Some(waiting) = self.waiting.get_mut(&parameter) {
            (waiting.value, waiting.seq_num) = (value, seq_num);
            return None;
        }
        let due = now.after(self.span);
        let waiting = Waiting {
            parameter,
            value,
            seq_num,
            due,
        };
        if self.span.is_zero() || self.waiting.len() >= PARAMETERS_MAX {
            return Some(waiting);
        }
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
        self.waiting.insert(parameter, waiting);
        None
    }

    /// When the next value is due.
    pub(crate) fn due(&self) -> Option<Tick> {
        self.due
    }

    /// Takes the values whose span is over, those of the same span by parameter.
    pub(crate) fn take_due(&mut self, now: Tick) -> Vec<Waiting> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let taken = self.waiting.extract_if(|_, waiting| waiting.due <= now);
        let taken = sorted(taken.map(|(_, waiting)| waiting).collect());
        self.due = self.waiting.values().map(|waiting| waiting.due).min();
        taken
    }

    /// Takes all of them.
    pub(crate) fn take_all(&mut self) -> Vec<Waiting> {
        self.due = None;
        sorted(self.waiting.drain().map(|(_, waiting)| waiting).collect())
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.due = None;
        self.waiting.clear();
    }
}

fn sorted(mut waiting: Vec<Waiting>) -> Vec<Waiting> {
    waiting.sort_by_key(|waiting| (waiting.due, waiting.parameter));
    waiting
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(100);

    fn at(millis: u64) -> Tick {
        Tick::from_millis(millis)
    }

    #[test]
    fn the_last_value_of_a_span_counts_and_the_span_is_not_prolonged() {
        let mut debounce = Debounce::new(SPAN);
        for (millis, value) in [(0, 1), (50, 2), (99, 3)] {
            let held = debounce.hold([0, 0, 0], Value::Int(value), Some(7), at(millis));
            assert_eq!(held, None);
        }
        assert_eq!(debounce.take_due(at(99)), []);
        let taken = debounce.take_due(at(100));
        assert_eq!((taken.len(), &taken[0].value), (1, &Value::Int(3)));
        assert_eq!(debounce.due(), None);
    }

    #[test]
    fn each_parameter_has_a_span_of_its_own() {
        let mut debounce = Debounce::new(SPAN);
        debounce.hold([0, 0, 0], Value::Int(1), None, at(0));
        debounce.hold([0, 0, 1], Value::Int(2), None, at(60));
        assert_eq!(debounce.take_due(at(100)).len(), 1);
        assert_eq!(debounce.due(), Some(at(160)));
        assert_eq!(debounce.take_all()[0].parameter, [0, 0, 1]);
    }

    #[test]
    fn past_the_limit_a_value_does_not_wait() {
        let mut debounce = Debounce::new(SPAN);
        for parameter in 0..PARAMETERS_MAX {
            assert!(
                debounce
                    .hold([0, 0, parameter], Value::Int(0), None, at(0))
                    .is_none()
            );
        }
        let held = debounce.hold([1, 0, 0], Value::Int(5), None, at(0));
        assert_eq!(held.map(|waiting| waiting.value), Some(Value::Int(5)));
    }
}
