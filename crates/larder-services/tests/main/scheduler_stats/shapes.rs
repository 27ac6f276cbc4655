//! Every answer has the members that the document shows, of the same kinds, and no others.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{House, OPERATOR, TOKEN};
use crate::databases::on_both;

/// The members of a value and their kinds; of a list, those of its first item.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => json!([items.first().map(shape)]),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), shape(value)));
            Value::Object(members.collect())
        }
    }
}

/// As it stands in the document.
const CACHE: &str = r#"{
  "cache_stats": {
    "hits": 850,
    "misses": 150,
    "total_requests": 1000,
    "hit_rate_percent": 85.0,
    "memory_cache_size": 12
  },
  "status": "operational"
}"#;

on_both! {
    async fn the_cache_figures_have_the_documents_shape(house) {
        house.get("/api/schedulers/oracle/stats").await;
        for _ in 0..3 {
            house.get("/api/schedulers/oracle/stats").await;
        }
        let (status, answer) = house.get("/metrics/cache").await;
        let documented: Value = serde_json::from_str(CACHE).unwrap();
        assert_eq!(
            (status, shape(&answer)),
            (StatusCode::OK, shape(&documented))
        );
        let expected = json!({
            "cache_stats": {
                "hits": 3, "misses": 1, "total_requests": 4, "hit_rate_percent": 75.0, "memory_cache_size": 1,
            },
            "status": "operational",
        });
        assert_eq!(answer, expected);
    }

    async fn figures_and_training_data_have_their_shapes(house) {
        let (_, nothing) = house.get("/api/schedulers/greedy/stats").await;
        let expected = json!({
            "count": 0, "avg_time": null, "min_time": null, "max_time": null, "total_energy": 0.0, "total_cost": 0.0,
        });
        assert_eq!(nothing, expected);
        assert_eq!(house.get("/api/training-data").await.1, json!([]));

        house.post("/api/start").await;
        house.simulate(3).await;
        let figures = json!({
            "count": 5, "avg_time": 0.1, "min_time": 0.1, "max_time": 0.1, "total_energy": 1.0, "total_cost": 1.0,
        });
        for scheduler in ["round_robin", "random", "hybrid_ml", "oracle"] {
            let (status, stats) = house
                .get(&format!("/api/schedulers/{scheduler}/stats"))
                .await;
            assert_eq!(
                (status, shape(&stats)),
                (StatusCode::OK, shape(&figures)),
                "{scheduler}"
            );
            assert!(
                stats["min_time"].as_f64() <= stats["avg_time"].as_f64(),
                "{stats}"
            );
        }
        let row = json!([{
            "size": 1.0, "compute_intensity": 0.5, "memory_required": 1.0, "memory_per_size": 1.0,
            "compute_to_memory": 1.0, "optimal_gpu_fraction": 0.5, "optimal_time": 0.1,
            "created_at": "2025-11-27T10:00:00Z",
        }]);
        let (_, rows) = house.get("/api/training-data?limit=7").await;
        assert_eq!(shape(&rows), shape(&row));
        let first = &rows[0];
        let number = |name: &str| first[name].as_f64().unwrap();
        let memory_per_size = number("memory_required") / (number("size") + 1.0);
        assert!((number("memory_per_size") - memory_per_size).abs() < 1e-9);
        let compute_to_memory = number("compute_intensity") / (number("memory_required") + 1.0);
        assert!((number("compute_to_memory") - compute_to_memory).abs() < 1e-9);
    }

    async fn the_status_has_its_shape_running_and_not(house) {
        let (_, status) = house.get("/api/status").await;
        let schedulers = ["round_robin", "random", "greedy", "hybrid_ml", "oracle"];
        let expected = json!({
            "running": false, "paused": false, "tasks_processed": 0, "tasks_in_flight": 0,
            "started_at": null, "schedulers": schedulers,
        });
        assert_eq!(status, expected);
        let (_, started) = house.post("/api/start").await;
        assert_eq!(
            (&started["running"], shape(&started["started_at"])),
            (&json!(true), json!("text"))
        );
        let (_, list) = house.get("/api/schedulers").await;
        let names: Vec<_> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].clone())
            .collect();
        assert_eq!(json!(names), json!(schedulers));
    }

    async fn resetting_and_invalidating_answer_as_documented(house) {
        assert_eq!(
            house.post("/metrics/cache/reset").await.1,
            json!({"status": "stats_reset"})
        );
        for limit in [1, 2, 3] {
            house
                .get(&format!("/api/training-data?limit={limit}"))
                .await;
        }
        let (status, answer) = house.post("/metrics/cache/invalidate/training_data").await;
        let expected =
            json!({"status": "invalidated", "namespace": "training_data", "keys_deleted": 3});
        assert_eq!((status, answer), (StatusCode::OK, expected));
        let (_, again) = house.post("/metrics/cache/invalidate/training_data").await;
        assert_eq!(again["keys_deleted"], 0);
        let (status, problem) = house.post("/metrics/cache/invalidate/users").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("training_data, scheduler_stats")
        );
    }

    async fn the_version_is_told_where_the_document_says(house) {
        for path in ["/", "/health", "/health/info"] {
            assert_eq!(house.get(path).await.1["version"], "1.4.0", "{path}");
        }
        let (_, document) = house.get("/openapi.json").await;
        assert_eq!(document["info"]["version"], "1.4.0");
        let documented = document["paths"].as_object().unwrap();
        for path in [
            "/metrics/prometheus",
            "/metrics/cache/invalidate/{namespace}",
            "/api/status",
            "/ws/scheduler",
        ] {
            assert!(documented.contains_key(path), "{path}");
        }
    }

    async fn each_route_asks_for_its_role(house) {
        for (method, path, roles) in [
            (Method::GET, "/metrics/prometheus", [200, 200, 200]),
            (Method::GET, "/metrics/cache", [200, 200, 200]),
            (Method::GET, "/api/training-data", [200, 200, 200]),
            (Method::POST, "/api/start", [401, 200, 200]),
            (Method::POST, "/api/pause", [401, 200, 200]),
            (Method::POST, "/api/resume", [401, 200, 200]),
            (Method::POST, "/api/stop", [401, 200, 200]),
            (Method::POST, "/metrics/cache/reset", [401, 403, 200]),
            (
                Method::POST,
                "/metrics/cache/invalidate/training_data",
                [401, 403, 200],
            ),
        ] {
            for (token, expected) in [None, Some(OPERATOR), Some(TOKEN)].into_iter().zip(roles) {
                let (status, body) = house.ask(method.clone(), path, token).await;
                assert_eq!(status.as_u16(), expected, "{path} {token:?}: {body}");
            }
        }
    }

    async fn a_long_body_is_refused_also_where_none_is_read(house) {
        for path in ["/api/start", "/metrics/cache/reset", "/metrics/cache/invalidate/training_data"] {
            for (bytes, expected) in [(10 << 20, 413), (2, 200)] {
                let request = axum::http::Request::post(path)
                    .header("host", "localhost")
                    .header("authorization", format!("Bearer {TOKEN}"))
                    .body(axum::body::Body::from(vec![b' '; bytes]));
                let answer = tower::ServiceExt::oneshot(house.router.clone(), request.unwrap()).await.unwrap();
                assert_eq!(answer.status().as_u16(), expected, "{path} {bytes}");
            }
        }

    }

    async fn bad_input_is_told_what_was_expected(house) {
        for (path, expected) in [
            ("/api/training-data?limit=0", "expected 1 to 1000"),
            ("/api/training-data?limit=1001", "expected 1 to 1000"),
            ("/api/training-data?limit=-1", "expected ?limit=NUMBER"),
            (
                "/api/training-data?limit=1%3BDROP",
                "expected ?limit=NUMBER",
            ),
            ("/api/training-data?pages=1", "expected ?limit=NUMBER"),
        ] {
            let (status, problem) = house.get(path).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(expected), "{path}: {detail}");
        }
        for name in ["nobody", "oracle'%20OR%20'1'='1", &"x".repeat(5_000)] {
            let (status, problem) = house.get(&format!("/api/schedulers/{name}/stats")).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
            assert!(problem["detail"].as_str().unwrap().len() < 300);
        }
        let (status, problem) = house.post("/api/pause").await;
        assert_eq!(
            (status, &problem["type"]),
            (
                StatusCode::CONFLICT,
                &json!("urn:larder:problem:not-running")
            )
        );
    }
}
