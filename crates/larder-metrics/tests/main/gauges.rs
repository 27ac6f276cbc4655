use std::thread;
use std::time::{Duration, SystemTime};

use larder_metrics::Error;

use crate::manual;

#[test]
fn additions_of_many_threads_cancel_out_exactly() -> Result<(), Error> {
    let (_, registry) = manual();
    let connections = registry.gauge("active.connections")?;
    thread::scope(|scope| {
        for _ in 0..32 {
            let connections = connections.clone();
            scope.spawn(move || {
                for _ in 0..1_000 {
                    connections.add(1.0);
                    connections.add(-1.0);
                }
            });
        }
    });
    let seen = connections.snapshot();
    assert_eq!(seen.value.to_bits(), 0.0_f64.to_bits());
    assert!(seen.min >= Some(0.0) && seen.max <= Some(32.0), "{seen:?}");
    Ok(())
}

#[test]
fn a_gauge_keeps_its_extremes_and_the_time_of_its_last_update() -> Result<(), Error> {
    let (clock, registry) = manual();
    let rate = registry.gauge("cache.hit_rate")?;
    assert_eq!(
        (rate.snapshot().min, rate.snapshot().updated_at),
        (None, None)
    );
    for value in [0.5, 0.9, 0.2, 0.7] {
        clock.advance(Duration::from_mins(1));
        rate.set(value);
    }
    clock.advance(Duration::from_mins(1));
    let seen = rate.snapshot();
    assert_eq!(
        (seen.value, seen.min, seen.max),
        (0.7, Some(0.2), Some(0.9))
    );
    let start_of_2026 = SystemTime::UNIX_EPOCH + Duration::from_hours(490_896);
    assert_eq!(
        seen.updated_at,
        Some(start_of_2026 + Duration::from_mins(4))
    );
    Ok(())
}

#[test]
fn a_reset_keeps_a_gauges_value_and_restarts_its_extremes() -> Result<(), Error> {
    let (_, registry) = manual();
    let clients = registry.gauge("websocket.clients")?;
    clients.set(9.0);
    clients.set(3.0);
    registry.reset();
    clients.set(4.0);
    let seen = clients.snapshot();
    assert_eq!(
        (seen.value, seen.min, seen.max),
        (4.0, Some(3.0), Some(4.0))
    );
    Ok(())
}

#[test]
fn a_disabled_gauge_keeps_its_value() -> Result<(), Error> {
    let (_, registry) = manual();
    let clients = registry.gauge("websocket.clients")?;
    clients.set(3.0);
    registry.set_enabled(false);
    clients.set(8.0);
    clients.add(1.0);
    assert_eq!(
        (clients.snapshot().value, clients.snapshot().max),
        (3.0, Some(3.0))
    );
    Ok(())
}
