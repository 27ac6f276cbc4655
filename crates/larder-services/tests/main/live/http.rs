//! The routes, and the shapes of their answers.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use larder_services::live::{LiveSet, Lookup, Options, demo};
use rosc::OscType;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{event, get, options, post, processed, router, started};

/// Holds an answer's members and their types against a literal; where that has an empty object or list,
/// anything may be in it.
fn assert_shape(answer: &Value, shape: &Value, at: &str) {
    match (answer, shape) {
        (Value::Object(answer), Value::Object(shape)) => {
            for (name, shape) in shape {
                let member = answer
                    .get(name)
                    .unwrap_or_else(|| panic!("{at}.{name} is missing"));
                assert_shape(member, shape, &format!("{at}.{name}"));
            }
        }
        (Value::Array(answer), Value::Array(shape)) => {
            if let Some(shape) = shape.first() {
                let first = answer.first().unwrap_or_else(|| panic!("{at} is empty"));
                assert_shape(first, shape, &format!("{at}[0]"));
            }
        }
        (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_))
        | (_, Value::Null) => {}
        _ => panic!("{at}: {answer} is not as {shape}"),
    }
}

/// Waits until the built-in set's lists, tracks and scenes are in the cache.
async fn warmed(live: &LiveSet) {
    while live.cache().len() < 2 + demo::TRACKS + 3 + demo::SCENES {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn tracks_and_scenes_are_listed_and_looked_up() {
    let (live, running) = started(options()).await;
    let router = router(&live);
    let (status, tracks) = get(&router, "/live/tracks").await;
    assert_eq!(
        (status, &tracks["count"]),
        (StatusCode::OK, &json!(demo::TRACKS + 3))
    );
    let shape = json!({ "index": 0, "id": "", "hash": "", "name": "", "type": "", "color": 0, "muted": true,
        "solo": true, "armed": true, "volume": 0.1, "pan": 0.1, "devices": 2, "clip_slots": 100, "clips": 34 });
    assert_shape(&tracks["tracks"][0], &shape, "tracks[0]");
    let (_, track) = get(&router, "/live/tracks/0").await;
    let shape = json!({ "index": 0, "id": "", "node_type": "track", "hash": "", "attributes": {}, "children": [] });
    assert_shape(&track, &shape, "track");
    assert_eq!(
        (&track["id"], &track["hash"]),
        (&tracks["tracks"][0]["id"], &tracks["tracks"][0]["hash"])
    );
    let (_, scenes) = get(&router, "/live/scenes").await;
    assert_eq!(scenes["scenes"][99]["name"], "Break 100");
    let (_, scene) = get(&router, "/live/scenes/50").await;
    assert_eq!(
        (&scene["index"], &scene["node_type"]),
        (&json!(50), &json!("scene"))
    );
    running.stop().await;
}

#[tokio::test]
async fn devices_clips_and_nodes_are_found() {
    let (live, running) = started(options()).await;
    let router = router(&live);
    let (status, device) = get(&router, "/live/devices/track-10.device-0").await;
    assert_eq!(
        (status, &device["attributes"]["name"]),
        (StatusCode::OK, &json!("Eq8"))
    );
    let (status, clip) = get(&router, "/live/clips/track-10.slot-0.clip-0").await;
    assert_eq!(
        (status, &clip["attributes"]["type"]),
        (StatusCode::OK, &json!("midi"))
    );
    let (_, found) = get(&router, "/live/nodes?type=device&attr=name=Reverb&limit=3").await;
    assert_eq!(
        (
            &found["truncated"],
            found["nodes"].as_array().unwrap().len()
        ),
        (&json!(true), 3)
    );
    let shape = json!({ "id": "", "node_type": "device", "hash": "", "path": "tracks[1].devices[1]", "attributes": {} });
    assert_shape(&found["nodes"][0], &shape, "nodes[0]");
    let (_, all) = get(&router, "/live/nodes?type=clip_slot").await;
    assert_eq!(all["count"], 5_000);
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_understood_is_said() {
    let (live, running) = started(options()).await;
    let router = router(&live);
    for (path, expected) in [
        ("/live/tracks/53", 404),
        ("/live/tracks/-1", 400),
        ("/live/tracks/x", 400),
        ("/live/scenes/100", 404),
        ("/live/devices/none", 404),
        ("/live/devices/track-10", 404),
        ("/live/clips/track-10.device-0", 404),
        ("/live/clips/%ff", 400),
        ("/live/nodes?type=bird", 400),
        ("/live/nodes?limit=0", 400),
        ("/live/nodes?kind=track", 400),
        ("/live/diff", 400),
        ("/live/ws", 400),
    ] {
        let (status, problem) = get(&router, path).await;
        assert_eq!(status, expected, "{path}: {problem}");
        assert!(problem["detail"].is_string(), "{path}");
    }
    let long = format!("/live/devices/{}", "x".repeat(600));
    assert_eq!(get(&router, &long).await.0, StatusCode::BAD_REQUEST);
    for (body, expected) in [
        ("", 400),
        ("{", 400),
        ("{}", 422),
        (r#"{"path":"/x.als","more":1}"#, 422),
        (r#"{"path":"relative.als"}"#, 400),
    ] {
        assert_eq!(
            post(&router, "/live/open", body).await.0,
            expected,
            "{body}"
        );
    }
    let large = "x".repeat(10 << 20);
    assert_eq!(
        post(&router, "/live/open", large).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    running.stop().await;
}

#[tokio::test]
async fn an_answer_is_known_by_the_version_of_its_subtree() {
    let (live, running) = started(options()).await;
    let router = router(&live);
    let ask = async |path: &str, known: Option<&str>| {
        let mut request = Request::get(path).header("host", "localhost");
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        let response = router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let etag = response.headers()[header::ETAG]
            .to_str()
            .unwrap()
            .to_owned();
        (response.status(), etag)
    };
    let (_, first) = ask("/live/tracks/0", None).await;
    let (_, other) = ask("/live/tracks/1", None).await;
    live.datagram(event(
        1,
        "/live/track/renamed",
        [OscType::Int(1), OscType::String("x".into())],
    ));
    processed(&live, 1).await;
    assert_eq!(
        ask("/live/tracks/0", Some(&first)).await.0,
        StatusCode::NOT_MODIFIED
    );
    let (status, etag) = ask("/live/tracks/1", Some(&other)).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(etag, other);
    running.stop().await;
}

/// The pattern: an edit to one track leaves the results of the others warm, and no list is stale.
#[tokio::test]
async fn an_edit_leaves_the_other_tracks_results_warm() {
    let (live, running) = started(options()).await;
    warmed(&live).await;
    for index in 0..3 {
        live.lookup(&Lookup::TrackByIndex(index)).await.unwrap();
    }
    live.lookup(&Lookup::TracksAll).await.unwrap();
    live.datagram(event(
        1,
        "/live/track/renamed",
        [OscType::Int(1), OscType::String("x".into())],
    ));
    processed(&live, 1).await;
    let loads = async |lookup: Lookup| {
        let before = live.cache().stats().misses;
        let found = live.lookup(&lookup).await.unwrap();
        (live.cache().stats().misses - before, found)
    };
    assert_eq!(loads(Lookup::TrackByIndex(0)).await.0, 0);
    assert_eq!(loads(Lookup::TrackByIndex(2)).await.0, 0);
    let (missed, found) = loads(Lookup::TrackByIndex(1)).await;
    let track: Value = serde_json::from_slice(&found.json).unwrap();
    assert_eq!((missed, &track["attributes"]["name"]), (1, &json!("x")));
    let (missed, found) = loads(Lookup::TracksAll).await;
    let tracks: Value = serde_json::from_slice(&found.json).unwrap();
    assert_eq!((missed, &tracks["tracks"][1]["name"]), (1, &json!("x")));
    running.stop().await;
}

#[tokio::test]
async fn a_set_that_was_read_is_warm() {
    let (live, running) = started(options()).await;
    warmed(&live).await;
    let misses = live.cache().stats().misses;
    live.lookup(&Lookup::SceneByIndex(99)).await.unwrap();
    live.lookup(&Lookup::TrackByIndex(52)).await.unwrap();
    assert_eq!(live.cache().stats().misses, misses);
    running.stop().await;
}

#[tokio::test]
async fn without_a_cache_the_answers_are_the_same() {
    let (live, running) = started(Options {
        cache_capacity: 0,
        ..options()
    })
    .await;
    let (cached, other) = started(options()).await;
    for lookup in [
        Lookup::TracksAll,
        Lookup::ScenesAll,
        Lookup::TrackByIndex(7),
    ] {
        let json = async |live: &LiveSet| live.lookup(&lookup).await.unwrap().json;
        assert_eq!(json(&live).await, json(&cached).await);
    }
    let (_, stats) = get(&router(&live), "/live/cache/stats").await;
    assert_eq!(
        (&stats["enabled"], &stats["size"]),
        (&json!(false), &json!(0))
    );
    running.stop().await;
    other.stop().await;
}

/// `stats['statistics']['hit_rate']` is a fraction.
#[tokio::test]
async fn the_cache_tells_its_hit_rate() {
    let (live, running) = started(options()).await;
    let router = router(&live);
    for _ in 0..9 {
        get(&router, "/live/tracks/0").await;
    }
    let (_, stats) = get(&router, "/live/cache/stats").await;
    let shape = json!({ "enabled": true, "capacity": 256, "size": 1, "version": "", "entries": {},
        "statistics": { "hits": 1, "misses": 1, "total_requests": 2, "hit_rate": 0.5, "evictions": 0 } });
    assert_shape(&stats, &shape, "stats");
    let rate = stats["statistics"]["hit_rate"].as_f64().unwrap();
    assert!(rate > 0.0 && rate <= 1.0, "{rate}");
    running.stop().await;
}

/// The two exports of the document.
#[tokio::test]
async fn the_figures_have_the_names_and_shapes_of_the_document() {
    let (live, running) = started(options()).await;
    let router = router(&live);
    live.datagram(event(
        1,
        "/live/track/renamed",
        [OscType::Int(0), OscType::String("x".into())],
    ));
    live.datagram(event(
        2,
        "/live/track/renamed",
        [OscType::Int(99), OscType::String("x".into())],
    ));
    live.datagram(event(3, "/live/nothing", []));
    live.datagram(event(4, "/live/transport/tempo", [OscType::Float(99.0)]));
    processed(&live, 2).await;
    let (_, metrics) = get(&router, "/live/metrics").await;
    let shape = json!({ "timestamp": "", "uptime_seconds": 123.45,
        "metrics": { "timings": {}, "counters": {}, "gauges": {} } });
    assert_shape(&metrics, &shape, "metrics");
    let counters = &metrics["metrics"]["counters"];
    for (name, value) in [
        ("events.received", 4),
        ("events.processed", 2),
        ("events.ignored.no_ast", 0),
        ("events.unhandled", 1),
        ("errors.event_processing", 1),
        (
            "events.received.by_type{event_type=\"/live/track/renamed\"}",
            2,
        ),
        (
            "events.processed.by_type{event_type=\"/live/track/renamed\"}",
            1,
        ),
        (
            "errors.event_processing.by_type{event_type=\"/live/track/renamed\"}",
            1,
        ),
    ] {
        assert_eq!(counters[name]["value"], value, "{name} in {counters:#}");
    }
    let timing = &metrics["metrics"]["timings"]["event.processing.duration"];
    let shape = json!({ "count": 2, "total": 0.1, "mean": 0.1, "min": 0.1, "max": 0.1, "p50": 0.1, "p95": 0.1, "p99": 0.1 });
    assert_shape(timing, &shape, "timing");
    for (kind, name) in [
        ("gauges", "websocket.clients"),
        ("gauges", "cache.hit_rate"),
        ("counters", "active.connections"),
    ] {
        let value = &metrics["metrics"][kind][name]["value"];
        assert!(value.is_number(), "{name}");
    }
    let (_, summary) = get(&router, "/live/metrics/summary").await;
    let shape = json!({ "uptime_seconds": 123.45,
        "event_processing": { "total_events": 1234, "processed_events": 1200, "ignored_events": 20,
            "unhandled_events": 14, "avg_processing_time": 0.015, "p95_processing_time": 0.025 },
        "errors": {}, "udp": { "lost_events": 0, "loss_rate": 0.1 },
        "websocket": { "p99_broadcast_latency": 0.1, "messages_lost": 0 } });
    assert_shape(&summary, &shape, "summary");
    assert_eq!(summary["event_processing"]["total_events"], 4);
    assert_eq!(summary["errors"]["by_type"]["/live/track/renamed"], 1);
    running.stop().await;
}

#[tokio::test]
async fn figures_that_are_switched_off_stay_at_zero() {
    let (live, running) = started(Options {
        metrics: false,
        ..options()
    })
    .await;
    let version = live.version(&Lookup::TracksAll).unwrap();
    live.datagram(event(
        1,
        "/live/track/renamed",
        [OscType::Int(0), OscType::String("x".into())],
    ));
    while live.version(&Lookup::TracksAll).unwrap() == version {
        tokio::task::yield_now().await;
    }
    let (_, summary) = get(&router(&live), "/live/metrics/summary").await;
    assert_eq!(summary["event_processing"]["total_events"], 0);
    running.stop().await;
}

#[tokio::test]
async fn the_project_tells_what_is_open() {
    let (live, running) = started(options()).await;
    let (status, project) = get(&router(&live), "/live/project").await;
    let shape = json!({ "project_path": null, "source": "built-in", "version": "",
        "attributes": { "tempo": 124.0, "creator": "", "major_version": "" },
        "counts": { "tracks": 1, "scenes": 1, "devices": 1, "clips": 1, "parameters": 1 },
        "nodes": 1, "load_ms": 0.1, "transport": { "playing": null, "position": null } });
    assert_eq!(status, StatusCode::OK);
    assert_shape(&project, &shape, "project");
    running.stop().await;
}

#[tokio::test]
async fn opening_needs_an_operator() {
    let (live, running) = started(options()).await;
    let (_, stopping) = tokio::sync::watch::channel(false);
    let access = larder_http::Access::new("t", Some(larder_http::Role::Viewer));
    let hosts = larder_http::Hosts::default();
    let gateway = larder_http::Gateway::new("larder", "0", access, hosts, stopping);
    let router = gateway.mount(live.mount()).into_router();
    assert_eq!(
        post(&router, "/live/open", r#"{"path":"/x.als"}"#).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(get(&router, "/live/tracks").await.0, StatusCode::OK);
    running.stop().await;
}
