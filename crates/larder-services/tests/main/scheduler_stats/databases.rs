//! The same on `PostgreSQL`, and on one that goes away and comes back.

use std::time::Duration;

use axum::http::StatusCode;
use larder_testkit::proxy::FaultProxy;
use larder_testkit::servers::Postgres;
use serde_json::json;

use super::{House, house_at};

const STATS: &str = "/api/schedulers/hybrid_ml/stats";

fn postgres() -> Postgres {
    Postgres::start().unwrap()
}

fn house_on(url: &str) -> House {
    house_at(url, tempfile::tempdir().unwrap(), 100)
}

/// Blocking waits are for a thread that has nothing else to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_written_read_and_removed_on_postgres() {
    let server = tokio::task::spawn_blocking(postgres).await.unwrap();
    let house = house_on(&server.url());
    assert_eq!(house.get(STATS).await.1["count"], 0);
    house.post("/api/start").await;
    house.simulate(2).await;
    house.post("/api/stop").await;
    house.service.flush().await.unwrap();
    let processed = house.get("/api/status").await.1["tasks_processed"].clone();
    house.clock.advance(Duration::from_secs(11));
    let (status, stats) = house.get(STATS).await;
    assert_eq!((status, &stats["count"]), (StatusCode::OK, &processed));
    assert!(
        stats["avg_time"].as_f64().unwrap() > 0.0 && stats["total_cost"].as_f64().unwrap() > 0.0
    );
    let (_, rows) = house.get("/api/training-data?limit=5").await;
    let created: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["created_at"].as_str())
        .collect();
    assert!(
        created.len() == 5 && created.is_sorted_by(|one, next| one >= next),
        "{created:?}"
    );

    let second = house_on(&server.url());
    assert_eq!(
        second.get(STATS).await.1["count"],
        processed,
        "another process sees them"
    );
    second.running.stop().await;
    house.running.stop().await;
}

/// As a server that was ended.
fn away(proxy: &FaultProxy) {
    proxy.refuse();
    proxy.reset();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_costs_no_task_and_no_hit() {
    let server = tokio::task::spawn_blocking(postgres).await.unwrap();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let url = server
        .url()
        .replace(&server.addr().to_string(), &proxy.addr().to_string());
    let house = house_on(&url);
    away(&proxy);
    let (status, problem) = house.get(STATS).await;
    assert_eq!(
        status,
        StatusCode::SERVICE_UNAVAILABLE,
        "down at the start: {problem}"
    );
    assert!(
        !problem["detail"].as_str().unwrap().contains("postgres"),
        "{problem}"
    );
    proxy.heal();
    assert_eq!(house.get(STATS).await.0, StatusCode::OK);

    house.post("/api/start").await;
    away(&proxy);
    house.pass(2);
    assert_eq!(
        house.get(STATS).await.0,
        StatusCode::OK,
        "a hit needs no database"
    );
    house.service.flush().await.unwrap_err();
    assert_eq!(house.get("/health/ready").await.1["status"], "degraded");
    house.clock.advance(Duration::from_secs(11));
    assert_eq!(house.get(STATS).await.0, StatusCode::SERVICE_UNAVAILABLE);
    proxy.heal();
    house.post("/api/stop").await;
    house.service.flush().await.unwrap();
    let processed = house.get("/api/status").await.1["tasks_processed"].clone();
    let (_, stats) = house.get(STATS).await;
    assert_ne!(processed, json!(0));
    assert_eq!(
        stats["count"], processed,
        "nothing was lost, nothing written twice"
    );
    let snapshot = house.registry.snapshot();
    assert_eq!(
        snapshot.counter("simulation_tasks_dropped_total", &[]),
        Some(0)
    );
    house.running.stop().await;
}
