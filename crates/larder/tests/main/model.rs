//! Random histories of calls, against a model that says what each may return.
//!
//! Two rules. *Safety*, always: what a get returns was not invalidated between its load's begin (or
//! its insert) and the get's begin, and is of the key and the lookup version that were asked for.
//! *Exactness*, where one thing happens at a time: a value, or that there is none, is served as long
//! as it is fresh and valid, and no longer, from whichever tier, and after a restart. A new
//! operation is one more [`Step`] with its arm in [`History::run`].

mod awaiting;
mod births;
mod blocking;
mod flights;
mod gets;
mod history;
mod steps;
mod stored;
mod subject;

use std::time::Duration;

use larder::{ManualClock, Policy, sync};
use proptest::collection::vec;
use proptest::prelude::*;

use awaiting::Awaiting;
use blocking::Blocking;
use history::History;
use steps::{NEGATIVE, STALE, Step, TTL, step};
use subject::Subject;

/// Calls in a history at most.
const STEPS_MAX: usize = 60;
/// Values in memory, where almost all come back from disk.
const FEW: u64 = 2;

fn policy() -> Policy {
    Policy::ttl(TTL)
        .negative_ttl(NEGATIVE)
        .stale_if_error(STALE)
        .error_throttle(Duration::ZERO)
}

fn play(subject: &dyn Subject, clock: ManualClock, steps: Vec<Step>) {
    let mut history = History::new(subject, clock);
    for step in steps {
        history.run(step);
    }
    history.end();
}

/// As many cases as usual, divided by this.
fn fewer(by: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = (usual.cases / by).max(1);
    ProptestConfig { cases, ..usual }
}

proptest! {
    /// A3, A9, C1 to C5, C8, D11, E1, E2, G1 to G4, J2
    #[test]
    fn a_cache_agrees_with_the_model(steps in vec(step(), 1..STEPS_MAX)) {
        let clock = ManualClock::new();
        play(&Awaiting::in_memory(&clock), clock, steps);
    }

    /// A3, A9, C8, D11, E1, E2, G1, G2, G4
    #[test]
    fn a_blocking_cache_agrees_with_the_model(steps in vec(step(), 1..STEPS_MAX)) {
        let clock = ManualClock::new();
        let cache = sync::Cache::builder("model").policy(policy()).clock(clock.clock());
        play(&Blocking::new(cache.build().unwrap()), clock, steps);
    }
}

proptest! {
    #![proptest_config(fewer(5))]

    /// C1 to C5, C8, D11, G1 to G5, H1, H2
    #[test]
    fn a_cache_on_disk_agrees_with_the_model_before_and_after_restarts(
        capacity in prop_oneof![3 => Just(FEW), 1 => Just(1_000)],
        steps in vec(step(), 1..STEPS_MAX),
    ) {
        let clock = ManualClock::new();
        play(&Awaiting::on_disk(&clock, capacity), clock, steps);
    }
}
