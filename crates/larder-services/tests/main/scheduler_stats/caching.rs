//! The two namespaces.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use super::House;
use crate::databases::on_both;

const STATS: &str = "/api/schedulers/hybrid_ml/stats";

on_both! {
    async fn each_namespace_lives_its_own_time(house) {
        for (path, table, life) in [
            (STATS, "scheduler_results", 10),
            ("/api/training-data?limit=1000", "training_data", 30),
        ] {
            for _ in 0..5 {
                house.get(path).await;
            }
            assert_eq!(house.queries(table), 1, "{path}");
            house
                .clock
                .advance(Duration::from_millis(life * 1_000 - 50));
            house.get(path).await;
            assert_eq!(house.queries(table), 1, "{path} a moment before its end");
            house.clock.advance(Duration::from_millis(100));
            house.get(path).await;
            assert_eq!(house.queries(table), 2, "{path} after it");
        }
    }

    async fn keys_are_as_the_document_names_them(house) {
        house.get(STATS).await;
        house.get("/api/training-data").await;
        house.get("/api/training-data?limit=20").await;
        for (namespace, keys) in [
            ("scheduler_stats", &["scheduler_stats_hybrid_ml"][..]),
            (
                "training_data",
                &["training_data_latest_1000", "training_data_latest_20"],
            ),
        ] {
            let (_, listing) = house.get(&format!("/v1/caches/{namespace}/entries")).await;
            let listed = listing["entries"].as_array().unwrap().iter();
            let mut listed: Vec<_> = listed.map(|entry| entry["key"].as_str().unwrap()).collect();
            listed.sort_unstable();
            assert_eq!(listed, keys);
        }
    }

    /// B1: ten thousand reads are one query.
    async fn ten_thousand_reads_ask_the_database_once(house) {
        for _ in 0..100 {
            let reads = (0..100).map(|_| house.get(STATS));
            let answers = futures_util::future::join_all(reads).await;
            assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK));
        }
        assert_eq!(house.queries("scheduler_results"), 1);
    }

    async fn an_invalidated_namespace_is_read_again_and_the_other_is_not(house) {
        house.post("/api/start").await;
        house.get(STATS).await;
        house.get("/api/training-data").await;
        house.simulate(2).await;
        assert_eq!(house.get(STATS).await.1["count"], 0, "it is cached");
        house
            .post("/metrics/cache/invalidate/scheduler_stats")
            .await;
        assert!(house.get(STATS).await.1["count"].as_u64().unwrap() > 50);
        assert_eq!(house.get("/api/training-data").await.1, json!([]));
    }

    async fn a_reset_starts_the_figures_anew_and_keeps_the_values(house) {
        for _ in 0..4 {
            house.get(STATS).await;
        }
        house.post("/metrics/cache/reset").await;
        let (_, answer) = house.get("/metrics/cache").await;
        let stats = &answer["cache_stats"];
        assert_eq!(
            (&stats["total_requests"], &stats["hit_rate_percent"]),
            (&json!(0), &json!(0.0))
        );
        assert_eq!(stats["memory_cache_size"], 1);
        house.get(STATS).await;
        assert_eq!(
            house.get("/metrics/cache").await.1["cache_stats"]["hits"],
            1
        );
        assert_eq!(house.queries("scheduler_results"), 1);
    }
}
