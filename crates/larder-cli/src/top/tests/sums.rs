//! The figures of several caches with several tiers: added up, by the second, and to the right one.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::json::document;
use super::super::trail::{Point, Trail};
use super::*;
use crate::client::Caches;

/// Two caches: one of bytes with a disk and a shared store, and a small one in memory.
fn caches() -> Value {
    let mut caches: Value = parse(CACHES);
    let one = &mut caches["caches"][0];
    (one["weighed"], one["weight"]) = (json!(true), json!(2_500));
    let stats = &mut one["stats"];
    stats["disk"] = json!({ "hits": 300, "bytes": 1, "max_bytes": 2, "degraded": null });
    stats["remote"] = json!({ "hits": 100, "is_up": true, "round_trip_us": 1 });
    (stats["load_panics"], stats["stale_served"]) = (json!(3), json!(8));
    let other = &mut caches["caches"][1];
    (other["entries"], other["weight"]) = (json!(4), json!(4));
    let stats = &mut other["stats"];
    (stats["gets"], stats["hits"], stats["loads"]) = (json!(500), json!(100), json!(400));
    (stats["uptime_seconds"], stats["time_saved_ms"]) = (json!(50), json!(1_000.0));
    stats["latency"]["hit"]["p99_ns"] = json!(999.0);
    caches
}

/// What is shown of these caches, and of this window of them.
fn shown(caches: Value, window: Option<Value>) -> Value {
    let mut state = empty(Tab::Overview);
    let mut update = Update::new(state.wanted(true), Instant::now());
    update.caches = Asked::New(serde_json::from_value(caches).unwrap());
    if let Some(window) = window {
        update.figures = Asked::New(serde_json::from_value(window).unwrap());
    }
    state.take(update);
    document(&state)
}

#[track_caller]
fn is_about(shown: &Value, expected: &Value) {
    for (member, expected) in expected.as_object().unwrap() {
        let found = &shown[member];
        match (found.as_f64(), expected.as_f64()) {
            (Some(one), Some(other)) => {
                assert!((one - other).abs() < 1e-9, "{member}: {one}, {other}");
            }
            _ if expected.is_object() => is_about(found, expected),
            _ => assert_eq!(found, expected, "{member}"),
        }
    }
}

#[test]
fn figures_since_the_start_are_sums_of_all_caches_and_tiers() {
    let shown = shown(caches(), None);
    assert_eq!(shown["window"], "all");
    let expected = json!({
        "seconds": 100.0,
        "hit_ratio": 1_073.0 / 1_500.0,
        "hit_ratio_by_tier": { "memory": 673.0 / 1_500.0, "disk": 0.2, "remote": 100.0 / 1_500.0 },
        "gets_per_second": 15.0,
        "hits_per_second": 10.73,
        "misses_per_second": 4.27,
        "loads_per_second": 4.26,
        "failed_loads_per_second": 0.05,
        "coalesced_per_second": 0.01,
        "stale_per_second": 0.08,
        "time_saved_ms": 3_335.1,
        "entries": 11,
        "weight_bytes": 2_500,
        "capacity_bytes": 10_000,
        "fullest": { "cache": "unused", "fill": 0.8 },
    });
    is_about(&shown["overview"], &expected);
    let latency = &shown["overview"]["latency"];
    assert_eq!(latency["hit"]["cache"], "unused", "its tail is the longest");
    assert_eq!(latency["load"]["cache"], "prices");
    let own = &shown["caches"][0]["latency"];
    let means = ["hit", "miss", "load"].map(|of| own[of]["mean_ns"].as_f64().unwrap() as u64);
    assert_eq!(means, [85, 2_400_000, 2_300_000]);
}

#[test]
fn figures_of_a_window_are_of_its_counters_and_its_length_alone() {
    let mut window: Value = parse(WINDOW);
    let counters = window["metrics"]["counters"].as_object_mut().unwrap();
    let mut add = |name: &str, tags: Value, value: u64| {
        let counter = json!({ "name": name, "tags": tags, "value": value });
        counters.insert(format!("{name}{tags}"), counter);
    };
    let reads = |tier, result| json!({ "cache": "prices", "tier": tier, "result": result });
    add("larder_cache_tier_reads", reads("disk", "miss"), 70);
    add("larder_cache_tier_reads", reads("remote", "hit"), 40);
    let panics = json!({ "cache": "prices", "result": "panic" });
    add("larder_cache_loads", panics, 10);
    add("larder_cache_stale_served", json!({ "cache": "prices" }), 6);
    let other = json!({ "cache": "unused", "result": "miss" });
    add("larder_cache_gets", other, 500);
    add("http_answers", json!({ "result": "ok" }), 9_700);
    let shown = shown(caches(), Some(window));
    assert_eq!(shown["window"], "5m");
    let expected = json!({
        "seconds": 100.0,
        "hit_ratio": 0.6,
        "hit_ratio_by_tier": { "memory": 760.0 / 1_500.0, "disk": 100.0 / 1_500.0, "remote": 40.0 / 1_500.0 },
        "gets_per_second": 15.0,
        "loads_per_second": 1.1,
        "failed_loads_per_second": 0.3,
        "coalesced_per_second": 0.05,
        "stale_per_second": 0.06,
        "failed_requests_per_second": 3.0,
    });
    is_about(&shown["overview"], &expected);
    is_about(
        &shown["caches"][1],
        &json!({ "seconds": 100.0, "gets_per_second": 5.0 }),
    );
}

#[test]
fn a_trail_has_rates_by_the_second_and_a_limit() {
    let mut trail = Trail::default();
    let begun = Instant::now();
    for look in 0..400_u64 {
        let mut caches = caches();
        let stats = &mut caches["caches"][0]["stats"];
        stats["gets"] = json!(1_000 + 20 * look);
        stats["time_saved_ms"] = json!(6.0 * look as f64);
        let Caches { caches } = serde_json::from_value(caches).unwrap();
        trail.take(&caches, begun + Duration::from_secs(2 * look));
    }
    let column = |of: fn(&Point) -> f64| trail.columns(1_000, |point| Some(of(point)));
    assert_eq!(column(|point| point.gets), [Some(10.0); 300]);
    assert_eq!(column(|point| point.saved_ms), [Some(3.0); 300]);
}

#[test]
fn a_late_answer_of_another_caches_keys_is_passed_over() {
    let now = Instant::now();
    let mut state = full(Tab::Keys, now);
    let late = update(&state, now);
    press(&mut state, KeyCode::Char('c'));
    let mut own = update(&state, now);
    own.keys_of = Some("unused".to_owned());
    state.take(own);
    state.take(late);
    assert_eq!(state.keys_of.as_deref(), Some("unused"));
}

#[test]
fn an_address_cannot_drive_the_terminal() {
    let state = State::new("http://h\u{1b}[2J", Tab::Overview, Window::All, Range::All);
    assert_eq!(state.url, "http://h\u{fffd}[2J");
}
