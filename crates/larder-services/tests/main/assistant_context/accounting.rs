//! The account is right: what is a hit, what a miss costs, what is saved, what memory is taken.

use std::time::Duration;

use serde_json::json;

use super::server::reverb;
use super::{House, Says, Server};

#[tokio::test]
async fn a_miss_costs_what_the_rpc_took_and_a_hit_saves_it() {
    let takes = Duration::from_millis(60);
    let server = Server::start(Says::Late(takes, reverb())).await;
    let house = House::at(&server.url);
    for message in ["reverb", "delay"] {
        for _ in 0..4 {
            house.asks(message).await;
        }
    }
    let metrics = house.get("/codette/cache/metrics").await["performance_dashboard"].clone();
    assert_eq!(
        (&metrics["successful_hits"], &metrics["cache_misses"]),
        (&json!(6), &json!(2))
    );
    assert_eq!(
        (&metrics["cache_hit_rate"], &metrics["total_requests"]),
        (&json!("75.0%"), &json!(8))
    );
    let compared = &metrics["average_latency_comparison"];
    let [hit, miss, each] = [
        "cached_response_ms",
        "uncached_response_ms",
        "time_saved_per_hit_ms",
    ]
    .map(|name| compared[name].as_f64().unwrap());
    assert!(miss >= 60.0, "{metrics}");
    assert!(hit > 0.0 && hit < miss, "{metrics}");
    assert!((each - (miss - hit)).abs() < 0.002, "{metrics}");
    let saved = metrics["cumulative_time_saved"]["total_ms"]
        .as_f64()
        .unwrap();
    assert!((saved - 6.0 * each).abs() < 0.01, "{metrics}");
    let gain = house.figure("performance_gain_multiplier").await;
    assert!((gain - miss / hit).abs() / gain < 0.2, "{gain}: {metrics}");
}

#[tokio::test]
async fn a_request_that_is_not_answered_is_a_miss_and_costs_nothing() {
    let server = Server::start(Says::Raw(500, "text/plain", String::new())).await;
    let house = House::at(&server.url);
    let (status, _) = house.says(json!({ "message": "reverb" })).await;
    assert_eq!(status, 502);
    for (figure, expected) in [
        ("misses", 1.0),
        ("total_requests", 1.0),
        ("average_miss_latency_ms", 0.0),
    ] {
        assert!(
            (house.figure(figure).await - expected).abs() < 1e-9,
            "{figure}"
        );
    }
}

#[tokio::test]
async fn memory_is_what_the_entries_take() {
    let text = "x".repeat(100_000);
    let large = json!({ "snippets": [{"filename": "a", "snippet": text}], "file": null, "chat_history": [] });
    let server = Server::start(Says::Json(large)).await;
    let house = House::at(&server.url);
    let memory = async || {
        let metrics = house.get("/codette/cache/metrics").await;
        metrics["performance_dashboard"]["cache_efficiency"]["estimated_memory_mb"]
            .as_f64()
            .unwrap()
    };
    assert!(memory().await.abs() < 1e-9);
    for asked in 1..=3_u32 {
        house.asks(&format!("question {asked}")).await;
        let per_entry = memory().await / f64::from(asked);
        assert!(
            (0.1..0.101).contains(&per_entry),
            "{per_entry} MB an entry of 100,000 letters"
        );
    }
    house.clear().await;
    house.asks("question 1").await;
    assert!((0.1..0.101).contains(&memory().await));
}

#[tokio::test]
async fn advice_has_three_tiers() {
    let server = Server::start(Says::Json(reverb())).await;
    let house = House::at(&server.url);
    let advice = async || {
        let dashboard = house.get("/codette/analytics/dashboard").await;
        let advice = &dashboard["analytics"]["optimization_recommendations"];
        advice[0].as_str().unwrap().to_owned()
    };
    assert!(advice().await.contains("No requests yet"));
    house.asks("reverb").await;
    assert!(advice().await.contains("0.0% is low"), "{}", advice().await);
    house.asks("reverb").await;
    assert!(
        advice().await.contains("50.0%: monitor"),
        "{}",
        advice().await
    );
    for _ in 0..3 {
        house.asks("reverb").await;
    }
    assert!(
        advice().await.contains("80.0%: monitor"),
        "{}",
        advice().await
    );
    house.asks("reverb").await;
    assert!(
        advice().await.contains("performing optimally"),
        "{}",
        advice().await
    );
}
