use std::thread;

use larder_metrics::{Counter, Error, Registry};

/// I1
#[test]
fn counts_of_64_threads_add_up_exactly() -> Result<(), Error> {
    const EACH: u64 = 5_000;
    let registry = Registry::new();
    let (gets, hits, misses) = (
        registry.counter("gets")?,
        registry.counter("hits")?,
        registry.counter("misses")?,
    );
    thread::scope(|scope| {
        for thread in 0..64 {
            let (gets, hits, misses) = (&gets, &hits, &misses);
            scope.spawn(move || {
                for step in 0..EACH {
                    gets.increment();
                    if (thread + step) % 3 == 0 {
                        misses.increment();
                    } else {
                        hits.increment();
                    }
                }
            });
        }
    });
    assert_eq!(gets.value(), 64 * EACH);
    assert_eq!(hits.value() + misses.value(), gets.value());
    Ok(())
}

#[test]
fn threads_that_resolve_the_same_series_at_once_share_it() {
    let registry = Registry::new();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| registry.count("events", &[("type", "midi")], 2));
        }
    });
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.families[0].series.len(), 1);
    assert_eq!(snapshot.counter("events", &[("type", "midi")]), Some(32));
}

#[test]
fn a_disabled_registry_counts_nothing_and_keeps_what_it_has() -> Result<(), Error> {
    let registry = Registry::new();
    let received = registry.counter("events.received")?;
    received.increment();
    registry.set_enabled(false);
    received.increment();
    assert_eq!(received.value(), 1);
    registry.set_enabled(true);
    received.increment();
    assert_eq!(received.value(), 2);
    Ok(())
}

#[test]
fn a_disabled_registry_looks_at_neither_name_nor_tags() {
    let registry = Registry::new();
    registry.set_enabled(false);
    assert_eq!(registry.count("not a name", &[("", "")], 1), Ok(()));
    assert_eq!(registry.set("not a name", &[("", "")], 1.0), Ok(()));
    assert_eq!(registry.time("not a name", || 7), Ok(7));
    assert!(registry.snapshot().families.is_empty());
}

#[test]
fn a_standalone_counter_counts() {
    let counter = Counter::new();
    counter.clone().add(3);
    assert_eq!(counter.value(), 3);
}
