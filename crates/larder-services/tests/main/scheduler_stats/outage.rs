//! The database goes away and comes back.

use std::time::Duration;

use axum::http::StatusCode;
use larder_testkit::proxy::FaultProxy;
use larder_testkit::servers::Postgres;
use serde_json::json;

use super::House;
use crate::databases::Place;

const STATS: &str = "/api/schedulers/hybrid_ml/stats";

/// As a server that was ended.
fn away(proxy: &FaultProxy) {
    proxy.refuse();
    proxy.reset();
}

/// Blocking waits are for a thread that has nothing else to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_costs_no_task_and_no_hit() {
    let server = tokio::task::spawn_blocking(|| Postgres::start().unwrap())
        .await
        .unwrap();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let url = server
        .url()
        .replace(&server.addr().to_string(), &proxy.addr().to_string());
    let house = House::on(Place::at(&url));
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
