//! The simulation, from a command to rows.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use super::House;
use crate::databases::{Place, on_both};

on_both! {
    async fn it_runs_only_between_start_and_stop_and_not_while_it_is_paused(house) {
        let processed = async || {
            house.get("/api/status").await.1["tasks_processed"]
                .as_u64()
                .unwrap()
        };
        house.pass(3);
        assert_eq!(processed().await, 0);
        house.post("/api/start").await;
        house.pass(3);
        let running = processed().await;
        assert!((200..400).contains(&running), "{running} at 100 a second");
        let (_, paused) = house.post("/api/pause").await;
        assert_eq!(
            (&paused["running"], &paused["paused"]),
            (&json!(true), &json!(true))
        );
        house.pass(3);
        assert_eq!(processed().await, running);
        let (_, again) = house.post("/api/start").await;
        assert_eq!(
            again["tasks_processed"], running,
            "a start of what runs changes nothing"
        );
        house.post("/api/resume").await;
        house.pass(1);
        assert!(processed().await > running);
        let (_, stopped) = house.post("/api/stop").await;
        assert_eq!(
            (
                &stopped["running"],
                &stopped["tasks_in_flight"],
                &stopped["started_at"]
            ),
            (&json!(false), &json!(0), &json!(null))
        );
        let stopped = processed().await;
        house.pass(3);
        assert_eq!(processed().await, stopped);
    }

    async fn each_task_leaves_one_row_and_a_result_of_each_scheduler(house) {
        house.post("/api/start").await;
        house.simulate(4).await;
        house.post("/api/stop").await;
        house.service.flush().await.unwrap();
        let processed = house.get("/api/status").await.1["tasks_processed"].clone();
        let mut means = Vec::new();
        for scheduler in ["round_robin", "random", "greedy", "hybrid_ml", "oracle"] {
            let (_, stats) = house
                .get(&format!("/api/schedulers/{scheduler}/stats"))
                .await;
            assert_eq!(stats["count"], processed, "{scheduler}");
            means.push(stats["avg_time"].as_f64().unwrap());
        }
        assert!(
            means[..4].iter().all(|mean| means[4] < *mean),
            "the oracle is the best: {means:?}"
        );
        let (_, rows) = house.get("/api/training-data").await;
        assert_eq!(json!(rows.as_array().unwrap().len()), processed);
    }

    async fn the_writer_writes_batches_by_itself_and_the_rest_at_the_end(house) {
        house.post("/api/start").await;
        house.pass(2);
        let processed = house.get("/api/status").await.1["tasks_processed"].as_u64().unwrap();
        assert!(processed > 50 && !processed.is_multiple_of(50));
        house.running.stop().await;
        let later = House::on(Place::at(&house.place.url));
        let (_, stats) = later.get("/api/schedulers/random/stats").await;
        assert_eq!(stats["count"], processed, "nothing is lost by a stop");
        let (_, rows) = later.get("/api/training-data?limit=5").await;
        let rows = rows.as_array().unwrap().iter();
        let made: Vec<_> = rows.map(|row| row["created_at"].as_str().unwrap()).collect();
        assert!(made.len() == 5 && made.is_sorted_by(|one, next| one >= next), "newest first: {made:?}");
        later.running.stop().await;
    }

    async fn rows_past_the_limit_are_removed_oldest_first(house) {
        // The service's own of this house does not run its simulation.
        let house = House::keeping(100, Place::at(&house.place.url));
        house.post("/api/start").await;
        let rows = async || {
            house.clock.advance(Duration::from_secs(11));
            let (_, stats) = house.get("/api/schedulers/random/stats").await;
            stats["count"].as_u64().unwrap()
        };
        // The writer removes rows at every twentieth batch.
        let mut seen = 0;
        for _ in 0..2_000 {
            house.pass(1);
            tokio::task::yield_now().await;
            let now = rows().await;
            if now < seen {
                assert!(now <= 100 + 20 * 50, "{now} rows are left");
                return;
            }
            seen = now;
        }
        panic!("{seen} rows, and none was removed");
    }

    async fn the_model_is_fitted_every_fifty_tasks_and_that_is_timed(house) {
        house.post("/api/start").await;
        house.pass(4);
        let processed = house.get("/api/status").await.1["tasks_processed"]
            .as_u64()
            .unwrap();
        let snapshot = house.registry.snapshot();
        let fits = snapshot
            .timing("model_retraining_duration_seconds", &[])
            .unwrap();
        assert_eq!(fits.count(), processed / 50);
        assert_eq!(
            snapshot.counter("simulation_tasks_processed_total", &[]),
            Some(processed)
        );
    }
}

/// A file that cannot be made; a server that goes away has its test in `outage`.
#[tokio::test]
async fn a_database_that_cannot_be_used_is_told_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("not-made-yet");
    let url = format!("sqlite:{}", place.join("a.db").display());
    let house = House::on(Place::at(&url));
    let (status, problem) = house.get("/api/schedulers/oracle/stats").await;
    assert!(status.is_server_error(), "{problem}");
    house.post("/api/start").await;
    house.pass(2);
    house.service.flush().await.unwrap_err();
    let (status, health) = house.get("/health/ready").await;
    assert_eq!(
        (status, &health["status"]),
        (StatusCode::OK, &json!("degraded"))
    );
    std::fs::create_dir(&place).unwrap();
    house.post("/api/stop").await;
    house.service.flush().await.unwrap();
    let processed = house.get("/api/status").await.1["tasks_processed"].clone();
    assert_eq!(house.get("/health/ready").await.1["status"], "ready");
    house.clock.advance(Duration::from_secs(11));
    let (_, stats) = house.get("/api/schedulers/oracle/stats").await;
    assert_eq!(stats["count"], processed);
}
