//! The database goes and comes back.

use larder_testkit::servers::Postgres;
use serde_json::{Value, json};

use super::house::{House, until};
use crate::databases::Place;

/// The server does as it is told on a thread that may block.
async fn on(mut server: Postgres, what: impl FnOnce(&mut Postgres) + Send + 'static) -> Postgres {
    let doing = tokio::task::spawn_blocking(move || {
        what(&mut server);
        server
    });
    doing.await.unwrap()
}

async fn started() -> Postgres {
    tokio::task::spawn_blocking(|| Postgres::start().unwrap())
        .await
        .unwrap()
}

async fn standing(house: &House) -> Value {
    house.get("/health/ready").await.1["status"].clone()
}

#[tokio::test]
async fn a_database_that_stops_leaves_the_cached_list_and_loses_nothing() {
    let server = started().await;
    let house = House::on(Place::at(&server.url()));
    let id = house.make("pc-1").await;
    assert_eq!(house.names().await, ["pc-1"]);
    assert_eq!(standing(&house).await, "ready");

    let server = on(server, Postgres::kill).await;
    assert_eq!(house.names().await, ["pc-1"], "it is cached");
    let body = json!({ "name": "pc-2", "host": "a" });
    let (status, problem) = house.post("/api/workstations", &body).await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("urn:larder:problem:database-down"))
    );
    assert_eq!(standing(&house).await, "degraded");
    // The write may have been committed for all that is known: the list is read anew.
    let (status, problem) = house.get("/api/workstations").await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("urn:larder:problem:database-down"))
    );
    assert!(!problem.to_string().contains("postgres://"), "{problem}");

    let _server = on(server, |server| server.restart().unwrap()).await;
    until(async || house.post("/api/workstations", &body).await.0 != 503).await;
    assert_eq!(house.names().await, ["pc-1", "pc-2"]);
    assert_eq!(house.get(&format!("/api/workstations/{id}")).await.0, 200);
    until(async || standing(&house).await == "ready").await;
}

#[tokio::test]
async fn a_database_that_comes_after_the_start_is_found_and_its_list_warmed() {
    let server = on(started().await, Postgres::kill).await;
    let house = House::on(Place::at(&server.url()));
    let (status, problem) = house.get("/api/workstations").await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("urn:larder:problem:database-down"))
    );
    until(async || standing(&house).await == "degraded").await;
    let _server = on(server, |server| server.restart().unwrap()).await;
    house.is_warm().await;
    assert_eq!(house.make("pc-1").await, 1);
    assert_eq!(house.names().await, ["pc-1"]);
}

#[tokio::test]
async fn a_file_that_is_removed_while_it_is_open_takes_no_writes() {
    let place = Place::on_sqlite();
    let file = place.url.strip_prefix("sqlite:").unwrap().to_owned();
    let house = House::on(place);
    house.make("pc-1").await;
    assert_eq!(standing(&house).await, "ready");

    std::fs::remove_file(&file).unwrap();
    let body = json!({ "name": "pc-2", "host": "a" });
    let (status, problem) = house.post("/api/workstations", &body).await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("urn:larder:problem:database-down"))
    );
    assert!(!problem.to_string().contains(&file), "{problem}");
    assert_eq!(standing(&house).await, "degraded");
    std::fs::write(&file, b"").unwrap();
    assert_eq!(house.post("/api/workstations", &body).await.0, 503);
}
