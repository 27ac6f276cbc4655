use larder::sync::Cache;
use larder_metrics::{Limits, ManualClock};

use super::*;

#[test]
fn a_window_has_what_a_cache_did_before_its_figures_were_reset() {
    let clock = ManualClock::new();
    let registry = Registry::with(Limits::default(), clock.clock());
    let cache = Cache::<u64, u64>::builder("numbers").build().unwrap();
    let history = History::default();
    let record = || {
        let mut snapshot = registry.snapshot();
        larder::export([&cache as &dyn larder::AnyCache], &mut snapshot);
        history.record(snapshot);
        clock.advance(TICK);
    };
    record();
    (0..200).for_each(|key| assert_eq!(cache.get(&key).unwrap(), None));
    record();
    cache.reset_stats();
    (0..100).for_each(|key| assert_eq!(cache.get(&key).unwrap(), None));
    record();
    let minute = history.last(Window::Minute).unwrap();
    let tags = [("cache", "numbers"), ("result", "miss")];
    assert_eq!(minute.counter("larder_cache_gets", &tags), Some(300));
}
