//! The services' database, on both kinds.

use axum::http::StatusCode;
use larder_metrics::Registry;
use larder_services::sql::{Database, problem};
use sqlx::Row as _;

use crate::databases::{Place, on_both};

/// A word stands once; a part names its whole, which is looked for at the commit.
const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS words (id {identity}, word TEXT NOT NULL UNIQUE)",
    "CREATE TABLE IF NOT EXISTS parts (
        id {identity},
        whole BIGINT REFERENCES parts (id) DEFERRABLE INITIALLY DEFERRED
    )",
];

struct House {
    database: Database,
    registry: Registry,
    place: Place,
}

impl House {
    fn on(place: Place) -> Self {
        let registry = Registry::new();
        Self {
            database: Database::open(&place.url, SCHEMA, &registry).unwrap(),
            registry,
            place,
        }
    }

    async fn add(&self, word: &str) -> sqlx::Result<i64> {
        let insert = sqlx::query("INSERT INTO words (word) VALUES ($1) RETURNING id");
        let insert = insert.bind(word.to_owned());
        let added = self.database.change("insert", "words", insert).await?;
        added[0].try_get("id")
    }
}

on_both! {
    async fn a_change_has_been_committed_when_it_is_told(house) {
        let add = async |whole: Option<i64>| {
            let insert = sqlx::query("INSERT INTO parts (whole) VALUES ($1) RETURNING id").bind(whole);
            house.database.change("insert", "parts", insert).await
        };
        for round in 0..20 {
            let refused = add(Some(1_000_000)).await;
            assert!(refused.is_err(), "round {round}: it was told as done before its commit failed");
        }
        assert_eq!(add(None).await.unwrap().len(), 1);
    }

    async fn tables_are_made_when_first_needed_and_rows_outlive_the_process(house) {
        assert_eq!(house.add("käse").await.unwrap(), 1);
        house.database.close().await;
        let later = House::on(Place::at(&house.place.url));
        assert_eq!(later.add("brot").await.unwrap(), 2);
        assert!(later.database.is_up().await);
    }

    async fn a_name_that_is_taken_is_a_conflict_and_a_closed_database_is_down(house) {
        house.add("x").await.unwrap();
        let taken = house.add("x").await.unwrap_err();
        assert_eq!(problem(&taken).status(), StatusCode::CONFLICT);
        house.database.close().await;
        let down = house.add("y").await.unwrap_err();
        assert_eq!(problem(&down).status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    async fn queries_are_timed_by_operation_and_table(house) {
        house.add("x").await.unwrap();
        let tags = [("operation", "insert"), ("table", "words")];
        let snapshot = house.registry.snapshot();
        let timing = snapshot.timing("database_query_duration_seconds", &tags);
        assert_eq!(timing.unwrap().count(), 1);
    }
}
