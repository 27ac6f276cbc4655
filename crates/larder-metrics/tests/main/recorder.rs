use larder_metrics::{Exposition, Limits, ManualClock, Recorder, Registry, TextFormat};
use metrics::{Unit, counter, describe_histogram, gauge, histogram, with_local_recorder};

fn recorded(work: impl FnOnce()) -> Registry {
    let registry = Registry::with(Limits::default(), ManualClock::new().clock());
    with_local_recorder(&Recorder::new(registry.clone()), work);
    registry
}

#[test]
fn counters_gauges_and_histograms_of_other_crates_are_in_the_same_export() {
    let registry = recorded(|| {
        metrics::describe_counter!("pool-connections", "Connections that were made.");
        let connections = counter!("pool-connections", "pool" => "a \"quoted\"\n");
        connections.increment(3);
        connections.absolute(10);
        connections.absolute(2);
        let idle = gauge!("pool.idle");
        idle.set(5.0);
        idle.decrement(2.0);
        idle.increment(0.5);
        histogram!("query.seconds").record(0.004);
        histogram!("query.seconds").record(-1.0);
        histogram!("query.seconds").record(f64::NAN);
    });
    let text = Exposition::of(&registry, TextFormat::Prometheus).finish();
    let text = String::from_utf8(text).expect("UTF-8");
    for line in [
        "# HELP pool_connections_total Connections that were made.",
        "pool_connections_total{pool=\"a \\\"quoted\\\"\\n\"} 10",
        "pool_idle 3.5",
        "query_seconds_bucket{le=\"0.005\"} 3",
        "query_seconds_count 3",
        "query_seconds_sum 0.004",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
}

#[test]
fn a_histogram_has_the_unit_that_it_was_described_with() {
    let registry = recorded(|| {
        describe_histogram!("wait", Unit::Milliseconds, "Waits.");
        describe_histogram!("body", Unit::Bytes, "Bodies.");
        histogram!("wait").record(250.0);
        for bytes in [700.0, 20.0, 300.0] {
            histogram!("body").record(bytes);
        }
    });
    let snapshot = registry.snapshot();
    let wait = snapshot.timing("wait", &[]).expect("it is a timing");
    assert_eq!(wait.sum().as_millis(), 250);
    let body = snapshot.gauge("body", &[]).expect("bytes are no time");
    assert_eq!(
        (body.value, body.min, body.max),
        (300.0, Some(20.0), Some(700.0))
    );
}

#[test]
fn what_a_registry_would_refuse_is_made_to_fit_or_left_out() {
    let registry = recorded(|| {
        counter!("2nd käse/€").increment(1);
        let long = "x".repeat(300);
        counter!("long", "le" => "1", "__name" => "2", "empty" => "", "k" => "ä".repeat(200))
            .increment(1);
        counter!(long).increment(1);
        gauge!("long").set(7.0);
        let labels: Vec<_> = (0..40).map(|n| (format!("l{n}"), "v")).collect();
        counter!("many", &labels).increment(1);
        counter!("twice", "a" => "1", "a" => "2").increment(1);
    });
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.counter("_2nd_k_se__", &[]), Some(1));
    let value = "ä".repeat(128);
    let tags = [("le_", "1"), ("_name", "2"), ("k", &*value)];
    assert_eq!(snapshot.counter("long", &tags), Some(1));
    assert_eq!(snapshot.gauge("long", &[]), None, "it is a counter");
    assert_eq!(snapshot.counter(&"x".repeat(128), &[]), Some(1));
    assert_eq!(snapshot.counter("twice", &[("a", "2")]), Some(1));
    let many = snapshot
        .families
        .iter()
        .find(|family| &*family.name == "many");
    assert_eq!(many.expect("it is there").series[0].tags.iter().count(), 16);
}
