use std::time::Duration;

use larder_metrics::{Carry, Error, History, Limits, ManualClock, Registry, Sink, Window, Windows};

use crate::manual;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_window_holds_what_was_recorded_between_its_snapshots() -> Result<(), Error> {
    let (clock, registry) = manual();
    let (received, loads) = (
        registry.counter("events.received")?,
        registry.timing("loads")?,
    );
    received.add(100);
    (0..99).for_each(|_| loads.record(Duration::from_millis(500)));
    let earlier = registry.snapshot();
    clock.advance(SECOND * 4);
    received.add(20);
    (0..10).for_each(|_| loads.record(Duration::from_millis(20)));

    let window = registry.snapshot().since(&earlier);
    assert_eq!(window.span, SECOND * 4);
    assert_eq!(window.counter("events.received", &[]), Some(20));
    assert_eq!(window.rate("events.received", &[]), Some(5.0));
    assert_eq!(window.rate("loads", &[]), Some(2.5));
    let loads = window.timing("loads", &[]).unwrap();
    assert_eq!(
        (loads.count(), loads.sum()),
        (10, Duration::from_millis(200))
    );
    let p99 = loads.quantile(0.99).unwrap().as_secs_f64();
    assert!((p99 - 0.02).abs() < 0.02 * 0.03, "{p99}");
    assert!(
        loads.max() < Some(Duration::from_millis(21)),
        "the 500 ms came before: {:?}",
        loads.max()
    );
    Ok(())
}

#[test]
fn a_series_that_is_new_in_the_window_counts_whole() -> Result<(), Error> {
    let (_, registry) = manual();
    registry.count("events", &[("type", "midi")], 1)?;
    let earlier = registry.snapshot();
    registry.count("events", &[("type", "osc")], 7)?;
    registry.count("errors", &[], 2)?;
    let window = registry.snapshot().since(&earlier);
    assert_eq!(window.counter("events", &[("type", "midi")]), Some(0));
    assert_eq!(window.counter("events", &[("type", "osc")]), Some(7));
    assert_eq!(window.counter("errors", &[]), Some(2));
    Ok(())
}

#[test]
fn an_empty_window_has_counts_of_zero_and_no_quantiles() -> Result<(), Error> {
    let (_, registry) = manual();
    registry.timing("loads")?.record(SECOND);
    let snapshot = registry.snapshot();
    let window = snapshot.since(&snapshot);
    let loads = window.timing("loads", &[]).unwrap();
    assert_eq!(
        (loads.count(), loads.sum(), loads.quantile(0.5)),
        (0, Duration::ZERO, None)
    );
    assert_eq!(
        window.rate("loads", &[]),
        None,
        "a window of no length has no rate"
    );
    Ok(())
}

#[test]
fn a_reset_starts_counts_and_span_anew_and_handles_stay_valid() -> Result<(), Error> {
    let (clock, registry) = manual();
    let (received, loads) = (
        registry.counter("events.received")?,
        registry.timing("loads")?,
    );
    received.add(9);
    loads.record(SECOND);
    clock.advance(SECOND * 60);
    registry.reset();
    clock.advance(SECOND * 2);
    received.add(4);
    loads.record(SECOND / 2);
    let snapshot = registry.snapshot();
    assert_eq!((snapshot.uptime, snapshot.span), (SECOND * 62, SECOND * 2));
    assert_eq!(snapshot.rate("events.received", &[]), Some(2.0));
    let loads = snapshot.timing("loads", &[]).unwrap();
    assert_eq!((loads.count(), loads.sum()), (1, SECOND / 2));
    assert_eq!(
        (loads.min(), loads.max()),
        (Some(SECOND / 2), Some(SECOND / 2))
    );
    Ok(())
}

#[test]
fn a_window_across_a_reset_begins_at_the_reset() -> Result<(), Error> {
    let (clock, registry) = manual();
    let received = registry.counter("events.received")?;
    received.add(10);
    let earlier = registry.snapshot();
    clock.advance(SECOND * 5);
    registry.reset();
    clock.advance(SECOND * 2);
    received.add(30);
    let window = registry.snapshot().since(&earlier);
    assert_eq!(window.counter("events.received", &[]), Some(30));
    assert_eq!(window.span, SECOND * 2);
    Ok(())
}

#[test]
fn a_history_answers_for_the_last_seconds_and_says_how_long_they_were() -> Result<(), Error> {
    let (clock, registry) = manual();
    let received = registry.counter("events.received")?;
    let mut history = History::new(5);
    assert!(history.last(SECOND).is_none());
    history.push(registry.snapshot());
    assert!(history.last(SECOND).is_none(), "one snapshot is no window");
    for second in 1..=9 {
        clock.advance(SECOND);
        received.add(second);
        history.push(registry.snapshot());
    }
    let two = history.last(SECOND * 2).unwrap();
    assert_eq!(
        (two.counter("events.received", &[]), two.span),
        (Some(8 + 9), SECOND * 2)
    );
    let between = history.last(Duration::from_millis(2_500)).unwrap();
    assert_eq!(between.span, SECOND * 3, "the next older snapshot is taken");
    let all = history.last(SECOND * 3_600).unwrap();
    assert_eq!(
        (all.counter("events.received", &[]), all.span),
        (Some(6 + 7 + 8 + 9), SECOND * 4)
    );
    Ok(())
}

#[test]
fn each_series_of_a_large_family_has_its_own_window_and_they_are_sorted() -> Result<(), Error> {
    let (_, registry) = manual();
    let keys: Vec<_> = (0..50).map(|key| format!("{key:02}")).collect();
    for key in keys.iter().rev() {
        registry.count("gets", &[("key", key)], 1_000)?;
    }
    let earlier = registry.snapshot();
    for (index, key) in keys.iter().enumerate() {
        registry.count("gets", &[("key", key)], index as u64)?;
    }
    let window = registry.snapshot().since(&earlier);
    let series = &window.families[0].series;
    let found: Vec<_> = series
        .iter()
        .filter_map(|series| series.tags.get("key"))
        .collect();
    assert_eq!(found, keys);
    for (index, key) in keys.iter().enumerate() {
        let count = window.counter("gets", &[("key", key)]);
        assert_eq!(count, Some(index as u64), "{key}");
    }
    Ok(())
}

#[test]
fn what_was_reset_goes_on_in_windows_and_nothing_is_counted_twice() -> Result<(), Error> {
    let (clock, registry) = manual();
    let (gets, idle) = (registry.counter("gets")?, registry.counter("idle")?);
    let (loads, level) = (registry.timing("loads")?, registry.gauge("level")?);
    let (mut carry, mut windows) = (Carry::default(), Windows::new());
    idle.add(7);
    for second in 0..30_u64 {
        windows.record(carry.on(registry.snapshot()));
        if second % 10 == 9 {
            registry.reset();
        }
        gets.add(10);
        loads.record(Duration::from_millis(second + 1));
        level.set(second as f64);
        clock.advance(SECOND);
    }
    windows.record(carry.on(registry.snapshot()));
    let minute = windows.last(Window::Minute).unwrap();
    assert_eq!(minute.span, SECOND * 30);
    assert_eq!(minute.counter("gets", &[]), Some(300));
    assert_eq!(minute.counter("idle", &[]), Some(0));
    let level = minute.gauge("level", &[]);
    assert_eq!(level.map(|level| level.value), Some(29.0));
    let loads = minute.timing("loads", &[]).unwrap();
    assert_eq!(
        (loads.count(), loads.sum()),
        (30, Duration::from_millis(465))
    );
    let middle = loads.quantile(0.5).unwrap().as_secs_f64();
    assert!((middle - 0.015).abs() < 0.001, "{middle}");
    Ok(())
}

#[test]
fn a_minute_is_a_minute_once_one_has_gone_by() -> Result<(), Error> {
    let (clock, registry) = manual();
    let received = registry.counter("received")?;
    let mut windows = Windows::new();
    for second in 0..=600 {
        windows.record(registry.snapshot());
        received.add(if second < 540 { 100 } else { 2 });
        clock.advance(SECOND);
    }
    for (window, seconds, count) in [
        (Window::Minute, 60, 120),
        (Window::FiveMinutes, 300, 24_120),
        (Window::Hour, 600, 54_120),
    ] {
        let last = windows.last(window).expect("it was recorded");
        let found = (last.span, last.counter("received", &[]));
        assert_eq!(found, (SECOND * seconds, Some(count)), "{window}");
    }
    Ok(())
}

#[test]
fn windows_keep_the_first_series_up_to_their_limit() -> Result<(), Error> {
    let (clock, registry) = manual();
    let mut windows = Windows::new();
    for name in ["a", "b"] {
        for id in 0..900 {
            registry.count(name, &[("id", &id.to_string())], 1)?;
        }
    }
    windows.record(registry.snapshot());
    clock.advance(SECOND);
    windows.record(registry.snapshot());
    let families = windows.last(Window::Minute).expect("two").families;
    let series: Vec<_> = families.iter().map(|one| one.series.len()).collect();
    assert_eq!(series, [900, 124]);
    Ok(())
}

#[test]
fn what_a_limit_refused_is_counted_by_the_window_too() {
    let limits = Limits {
        families: 1,
        series_per_family: 1,
    };
    let registry = Registry::with(limits, ManualClock::new().clock());
    let refuse = |times: u32| {
        for id in 0..times {
            // Both are refused: the first gets the series for others, the second none.
            let _ = registry.count("gets", &[("id", &id.to_string())], 1);
            let _ = registry.count("other", &[], 1);
        }
    };
    refuse(4);
    let earlier = registry.snapshot();
    refuse(3);
    let later = registry.snapshot();
    assert!(earlier.families_refused > 0 && earlier.families[0].overflowed > 0);
    let window = later.since(&earlier);
    assert_eq!(
        (window.families_refused, window.families[0].overflowed),
        (
            later.families_refused - earlier.families_refused,
            later.families[0].overflowed - earlier.families[0].overflowed
        )
    );
}

#[test]
fn figures_from_elsewhere_have_windows_whatever_order_they_come_in() {
    let (_, registry) = manual();
    let with = |counts: [(&str, u64); 3]| {
        let mut snapshot = registry.snapshot();
        Sink::counter(&mut snapshot, "gets", "", |samples| {
            for (cache, count) in counts {
                samples.add(&[("cache", cache)], count);
            }
        });
        snapshot
    };
    let earlier = with([("c", 3), ("a", 1), ("b", 2)]);
    let window = with([("b", 20), ("c", 30), ("a", 10)]).since(&earlier);
    let of = |cache| window.counter("gets", &[("cache", cache)]);
    assert_eq!(["a", "b", "c"].map(of), [9, 18, 27].map(Some));
}

#[test]
fn a_count_that_wavers_has_not_begun_anew() {
    let (clock, registry) = manual();
    let (mut carry, mut windows) = (Carry::default(), Windows::new());
    // Put together from counts that are read one after the other, it may fall by a few.
    for count in [100_u64, 99, 101, 100, 102] {
        let mut snapshot = registry.snapshot();
        Sink::counter(&mut snapshot, "ok", "", |samples| samples.add(&[], count));
        windows.record(carry.on(snapshot));
        clock.advance(SECOND);
    }
    let minute = windows.last(Window::Minute).unwrap();
    assert_eq!(minute.counter("ok", &[]), Some(2));
}

#[test]
fn a_day_is_a_window_of_its_own() -> Result<(), Error> {
    let (clock, registry) = manual();
    let loads = registry.timing("loads")?;
    let mut windows = Windows::new();
    for hour in 0..=40 {
        windows.record(registry.snapshot());
        let took = Duration::from_millis(if hour < 12 { 900 } else { 20 });
        (0..10).for_each(|_| loads.record(took));
        clock.advance(Duration::from_hours(1));
    }
    let day = windows.last(Window::Day).unwrap();
    let hours = day.span.as_secs() / 3_600;
    assert!((24..=26).contains(&hours), "{hours}");
    let loads = day.timing("loads", &[]).unwrap();
    assert_eq!(loads.count(), hours * 10);
    assert!(loads.quantile(0.99) < Some(Duration::from_millis(21)));
    Ok(())
}
