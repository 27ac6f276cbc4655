//! `/api/performance`, as the document has it.

use axum::http::Method;
use serde_json::{Value, json};

use super::house::{ADMIN, House, OPERATOR, VIEWER, shape};
use crate::databases::on_both;

/// The list and one record are cached; the record's path.
async fn fill(house: &House) -> String {
    house.is_warm().await;
    let path = format!("/api/workstations/{}", house.make("pc-1").await);
    house.names().await;
    house.get(&path).await;
    assert_eq!(house.service.answers().len(), 2);
    path
}

async fn invalidate(house: &House, pattern: &str) -> (u16, Value) {
    house
        .post(
            &format!("/api/performance/cache-invalidate?pattern={pattern}"),
            &Value::Null,
        )
        .await
}

on_both! {
    async fn every_answer_has_the_shape_of_the_document(house) {
        fill(&house).await;
        let stats = json!({
            "status": "success",
            "cache_stats": { "hits": 1250, "misses": 340, "size": 42, "evictions": 12, "hit_rate_percent": 78.6 },
            "timestamp": "2025-10-17T23:45:30.123456",
        });
        let (status, answer) = house.get("/api/performance/cache-stats").await;
        assert_eq!((status, shape(&answer)), (200, shape(&stats)));
        let metrics = json!({
            "status": "success",
            "metrics": {
                "cache": { "size": 42, "hits": 1250, "misses": 340 },
                "managers": { "count": 8 },
                "websockets": { "active_connections": 3 },
            },
            "timestamp": "2025-10-17T23:45:30.123456",
        });
        let (status, answer) = house.get("/api/performance/metrics").await;
        assert_eq!((status, shape(&answer)), (200, shape(&metrics)));
        assert_eq!(
            answer["metrics"]["managers"]["count"], 5,
            "the services that run"
        );
        assert_eq!(answer["metrics"]["websockets"]["active_connections"], 0);
        let invalidated = json!({
            "status": "success", "message": "2 cache entries invalidated", "pattern": "workstations_*",
        });
        assert_eq!(
            invalidate(&house, "workstations_*").await,
            (200, invalidated)
        );
        house.names().await;
        let cleared = json!({ "status": "success", "message": "Cache cleared", "entries_removed": 1 });
        assert_eq!(
            house
                .post("/api/performance/cache-clear", &Value::Null)
                .await,
            (200, cleared)
        );
    }

    async fn the_figures_are_those_of_the_cache(house) {
        fill(&house).await;
        for _ in 0..6 {
            house.names().await;
        }
        let (_, answer) = house.get("/api/performance/cache-stats").await;
        let stats = &answer["cache_stats"];
        // Missed: the list when it was warmed and after the write, and the record.
        assert_eq!(
            (&stats["hits"], &stats["misses"], &stats["size"]),
            (&json!(6), &json!(3), &json!(2))
        );
        assert_eq!(stats["hit_rate_percent"], 66.7);
    }

    /// I5
    async fn all_four_are_for_admins(house) {
        for (method, path) in [
            (Method::GET, "/api/performance/cache-stats"),
            (Method::POST, "/api/performance/cache-clear"),
            (Method::POST, "/api/performance/cache-invalidate?pattern=*"),
            (Method::GET, "/api/performance/metrics"),
        ] {
            for (token, expected) in [
                (None, 401),
                (Some(VIEWER), 403),
                (Some(OPERATOR), 403),
                (Some(ADMIN), 200),
            ] {
                let (status, _, _) = house.send(method.clone(), path, token, None).await;
                assert_eq!(status.as_u16(), expected, "{path} {token:?}");
            }
        }
    }

    /// The original took a pattern for a prefix, so that the documented `workstations_*` matched nothing.
    async fn globs_and_prefixes_both_match(house) {
        let record = fill(&house).await;
        for (pattern, matched) in [
            ("workstations_*", 2),
            ("*", 2),
            ("workstations_", 2),
            ("workstations_l", 1),
            ("workstations_list", 1),
            ("workstations_%5B0-9%5D*", 1),
            ("*_l?st", 1),
            ("workstation_*", 0),
            ("list", 0),
        ] {
            house.names().await;
            house.get(&record).await;
            house
                .other
                .insert("workstations_other".into(), "kept".into())
                .await
                .unwrap();
            let (status, answer) = invalidate(&house, pattern).await;
            let message = format!("{matched} cache entries invalidated");
            assert_eq!(
                (status, &answer["message"]),
                (200, &json!(message)),
                "{pattern}"
            );
            let selects = house.selects();
            house.names().await;
            let is_gone = [
                "workstations_*",
                "*",
                "workstations_",
                "workstations_l",
                "workstations_list",
                "*_l?st",
            ];
            assert_eq!(
                house.selects() - selects,
                u64::from(is_gone.contains(&pattern)),
                "{pattern}"
            );
            assert!(
                house.other.peek("workstations_other").is_some(),
                "{pattern}"
            );
        }
    }

    async fn a_pattern_that_is_none_is_refused_with_what_was_expected(house) {
        fill(&house).await;
        let long = "x".repeat(60_000);
        for pattern in ["", "workstations_%5B", "a%5D", "a%5C", &long] {
            let (status, problem) = invalidate(&house, pattern).await;
            assert_eq!(
                (status, &problem["type"]),
                (400, &json!("urn:larder:problem:bad-pattern"))
            );
            let detail = problem["detail"].as_str().unwrap();
            assert!(
                detail.contains("expected") && detail.len() < 400,
                "{detail}"
            );
        }
        for path in [
            "/api/performance/cache-invalidate",
            "/api/performance/cache-invalidate?prefix=a",
        ] {
            assert_eq!(house.post(path, &Value::Null).await.0, 400);
        }
        assert_eq!(house.service.answers().len(), 2);
    }

    async fn a_long_body_is_refused_though_none_is_read(house) {
        let body = json!("x".repeat(10 << 20));
        let path = "/api/performance/cache-clear";
        let (status, problem) = house.post(path, &body).await;
        assert_eq!((status, &problem["type"]), (413, &json!("urn:larder:problem:too-long")));
    }

    async fn clearing_touches_no_other_cache_and_an_empty_one_can_be_cleared(house) {
        fill(&house).await;
        house.other.insert("k".into(), "kept".into()).await.unwrap();
        for removed in [2, 0] {
            let (status, answer) = house
                .post("/api/performance/cache-clear", &Value::Null)
                .await;
            assert_eq!((status, &answer["entries_removed"]), (200, &json!(removed)));
        }
        assert!(house.other.peek("k").is_some());
    }
}
