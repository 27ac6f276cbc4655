use std::thread;

use larder_metrics::{Error, Exposition, Kind, Registry, TextFormat};
use serde_json::json;

#[test]
fn what_64_threads_add_and_take_away_adds_up_exactly() -> Result<(), Error> {
    let registry = Registry::new();
    let open = registry.up_down_counter("active.connections")?;
    thread::scope(|scope| {
        for thread in 0..64 {
            let open = &open;
            scope.spawn(move || {
                for _ in 0..1_000 {
                    open.add(3);
                    open.decrement();
                    open.decrement();
                }
                if thread % 2 == 0 {
                    open.add(-1_000);
                }
            });
        }
    });
    assert_eq!(open.value(), 64 * 1_000 - 32 * 1_000);
    Ok(())
}

#[test]
fn it_falls_below_zero_survives_a_reset_and_stands_still_while_disabled() -> Result<(), Error> {
    let registry = Registry::new();
    registry.adjust("balance", &[("of", "queue")], -2)?;
    registry.reset();
    registry.set_enabled(false);
    registry.adjust("balance", &[("of", "queue")], -40)?;
    let snapshot = registry.snapshot();
    assert_eq!(
        snapshot.up_down_counter("balance", &[("of", "queue")]),
        Some(-2)
    );
    assert_eq!(snapshot.counter("balance", &[("of", "queue")]), None);
    assert_eq!(snapshot.families[0].kind, Kind::UpDownCounter);
    Ok(())
}

#[test]
fn exports_show_it_as_a_counter_to_people_and_as_a_gauge_to_scrapers() -> Result<(), Error> {
    let registry = Registry::new();
    registry.up_down_counter("active.connections")?.add(-3);
    let snapshot = registry.snapshot();
    assert_eq!(
        snapshot.to_json()["metrics"]["counters"],
        json!({ "active.connections": { "value": -3 } })
    );
    assert!(
        snapshot
            .summary()
            .contains("active.connections     -3           -")
    );
    let text = Exposition::of(&registry, TextFormat::Prometheus).finish();
    let text = String::from_utf8(text).expect("UTF-8");
    let expected = "# TYPE active_connections gauge\nactive_connections -3\n";
    assert!(text.contains(expected), "{text}");
    Ok(())
}
