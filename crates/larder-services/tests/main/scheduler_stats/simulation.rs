//! The simulation, from a command to rows.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use super::{house, house_at};

#[tokio::test]
async fn it_runs_only_between_start_and_stop_and_not_while_it_is_paused() {
    let house = house();
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

#[tokio::test]
async fn each_task_leaves_one_row_and_a_result_of_each_scheduler() {
    let house = house();
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

#[tokio::test]
async fn the_writer_writes_batches_by_itself_and_the_rest_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("b.db").display());
    let house = house_at(&url, tempfile::tempdir().unwrap(), 1_000);
    house.post("/api/start").await;
    house.pass(2);
    let processed = house.get("/api/status").await.1["tasks_processed"]
        .as_u64()
        .unwrap();
    assert!(processed > 50 && !processed.is_multiple_of(50));
    house.running.stop().await;
    let later = house_at(&url, directory, 1_000);
    let (_, stats) = later.get("/api/schedulers/random/stats").await;
    assert_eq!(stats["count"], processed, "nothing is lost by a stop");
}

#[tokio::test]
async fn rows_past_the_limit_are_removed_oldest_first() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("c.db").display());
    let house = house_at(&url, directory, 100);
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

#[tokio::test]
async fn the_model_is_fitted_every_fifty_tasks_and_that_is_timed() {
    let house = house();
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

#[tokio::test]
async fn a_database_that_cannot_be_used_is_told_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("not-made-yet");
    let url = format!("sqlite:{}", place.join("a.db").display());
    let house = house_at(&url, directory, 1_000);
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
