use std::time::Duration;

use larder_metrics::{Clock, Error, Limits, Registry, Snapshot};
use serde_json::json;

use crate::manual;

fn filled() -> Result<Snapshot, Error> {
    let (clock, registry) = manual();
    registry.timing("loads")?.record(Duration::from_millis(20));
    registry.timing("stores")?;
    registry.count("gets", &[("tier", "memory"), ("outcome", "hit")], 3)?;
    registry.count("events.received", &[], 1_234)?;
    registry.set("hit_rate", &[], 0.25)?;
    clock.advance(Duration::from_secs(90));
    registry.set("hit_rate", &[], 0.85)?;
    clock.advance(Duration::from_secs(10));
    Ok(registry.snapshot())
}

#[test]
fn json_has_the_shape_that_its_documentation_gives() -> Result<(), Error> {
    let figures = json!({
        "count": 1, "total": 0.02, "mean": 0.02, "min": 0.02, "max": 0.02, "stddev": 0.0,
        "p50": 0.02, "p90": 0.02, "p95": 0.02, "p99": 0.02, "p999": 0.02, "per_second": 0.01,
    });
    let nothing = json!({
        "count": 0, "total": 0.0, "mean": null, "min": null, "max": null, "stddev": null,
        "p50": null, "p90": null, "p95": null, "p99": null, "p999": null, "per_second": 0.0,
    });
    let expected = json!({
        "timestamp": "2026-01-01T00:01:40.000000Z",
        "uptime_seconds": 100.0,
        "span_seconds": 100.0,
        "metrics": {
            "timings": {"loads": figures, "stores": nothing},
            "counters": {
                "events.received": {"value": 1_234, "per_second": 12.34},
                "gets{outcome=\"hit\",tier=\"memory\"}":
                    {"name": "gets", "tags": {"outcome": "hit", "tier": "memory"}, "value": 3, "per_second": 0.03},
            },
            "gauges": {
                "hit_rate":
                    {"value": 0.85, "min": 0.25, "max": 0.85, "last_update": "2026-01-01T00:01:30.000000Z"},
            },
        },
        "limits": {"families_refused": 0, "series_overflowed": {}},
    });
    assert_eq!(filled()?.to_json(), expected);
    Ok(())
}

#[test]
fn json_text_is_the_same_for_the_same_values_whatever_the_order_of_registration()
-> Result<(), Error> {
    let texts = [["a", "b", "c"], ["c", "a", "b"]].map(|names| {
        let (_, registry) = manual();
        for name in names {
            registry.count("events", &[("type", name)], 1)?;
            registry.count(name, &[], 1)?;
        }
        Ok::<_, Error>(serde_json::to_string(&registry.snapshot()).expect("a snapshot serializes"))
    });
    let [first, second] = texts;
    assert_eq!(first?, second?);
    Ok(())
}

#[test]
fn json_says_null_for_what_is_not_a_number() -> Result<(), Error> {
    let (_, registry) = manual();
    registry.set("ratio", &[], f64::NAN)?;
    assert_eq!(
        registry.snapshot().to_json()["metrics"]["gauges"]["ratio"]["value"],
        json!(null)
    );
    Ok(())
}

#[test]
fn the_summary_is_aligned() -> Result<(), Error> {
    let expected = "\
up 1 min 40 s, counted over 1 min 40 s

timing  count  per second     mean  stddev      min      p50      p90      p95      p99     p999      max
loads       1           0  20.0 ms    0 ns  20.0 ms  20.0 ms  20.0 ms  20.0 ms  20.0 ms  20.0 ms  20.0 ms
stores      0           0        -       -        -        -        -        -        -        -        -

counter                            value  per second
events.received                     1234        12.3
gets{outcome=\"hit\",tier=\"memory\"}      3           0

gauge     value   min   max
hit_rate   0.85  0.25  0.85
";
    assert_eq!(filled()?.summary(), expected);
    Ok(())
}

#[test]
fn a_tags_line_break_stays_on_its_line() -> Result<(), Error> {
    let (_, registry) = manual();
    registry.count("gets", &[("path", "a\n\"b\"\\")], 1)?;
    let summary = registry.snapshot().summary();
    assert!(summary.contains(r#"gets{path="a\n\"b\"\\"}"#), "{summary}");
    let json = registry.snapshot().to_json();
    let entry = &json["metrics"]["counters"][r#"gets{path="a\n\"b\"\\"}"#];
    assert_eq!(entry["tags"]["path"], "a\n\"b\"\\");
    Ok(())
}

/// I3
#[test]
fn exports_say_what_went_over_the_limits() -> Result<(), Error> {
    let registry = Registry::with(
        Limits {
            families: 1,
            series_per_family: 1,
        },
        Clock::system(),
    );
    for kind in ["midi", "osc", "key"] {
        registry.count("events", &[("type", kind)], 1)?;
    }
    registry.gauge("late").unwrap_err();
    let snapshot = registry.snapshot();
    let limits = json!({"families_refused": 1, "series_overflowed": {"events": 2}});
    assert_eq!(snapshot.to_json()["limits"], limits);
    let summary = snapshot.summary();
    assert!(summary.contains("events: full, 2 look-ups"), "{summary}");
    assert!(
        summary.contains("1 look-ups of new names were refused"),
        "{summary}"
    );
    Ok(())
}

#[test]
fn an_empty_registry_exports_empty_sections() {
    let (_, registry) = manual();
    let snapshot = registry.snapshot();
    assert_eq!(
        snapshot.to_json()["metrics"],
        json!({"timings": {}, "counters": {}, "gauges": {}})
    );
    assert_eq!(snapshot.summary(), "up 0 ns, counted over 0 ns\n");
}

#[test]
fn each_percentile_is_its_own_and_time_since_a_reset_is_not_the_uptime() -> Result<(), Error> {
    let (clock, registry) = manual();
    clock.advance(Duration::from_mins(1));
    registry.reset();
    clock.advance(Duration::from_secs(2));
    let loads = registry.timing("loads")?;
    (1..=1_000).for_each(|millis| loads.record(Duration::from_millis(millis)));
    let snapshot = registry.snapshot();
    let json = snapshot.to_json();
    assert_eq!(
        (&json["uptime_seconds"], &json["span_seconds"]),
        (&json!(62.0), &json!(2.0))
    );
    let figures = &json["metrics"]["timings"]["loads"];
    for (name, expected) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
        let found = figures[name].as_f64().expect("a number");
        assert!(
            (found - expected).abs() < 0.02 * expected,
            "{name}: {found}"
        );
    }
    let summary = snapshot.summary();
    let mut rows = summary
        .lines()
        .filter(|line| line.contains("loads") || line.contains("p50"));
    let head: Vec<_> = rows
        .next()
        .expect("a head")
        .split("  ")
        .filter(|cell| !cell.is_empty())
        .collect();
    let row: Vec<_> = rows
        .next()
        .expect("a row")
        .split("  ")
        .filter(|cell| !cell.is_empty())
        .collect();
    let of = |name: &str| {
        let column = head.iter().position(|title| title.trim() == name);
        row[column.expect(name)].trim().to_owned()
    };
    let [p50, p90, p95, p99] = ["p50", "p90", "p95", "p99"].map(of);
    assert!(p50 != p90 && p90 != p95 && p95 != p99, "{summary}");
    Ok(())
}
