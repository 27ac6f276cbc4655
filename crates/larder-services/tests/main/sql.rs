//! The services' database, on both kinds.

use larder_metrics::Registry;
use larder_services::sql::Database;
use larder_testkit::servers::Postgres;

/// A part names its whole, which is looked for at the commit.
const SCHEMA: &[&str] = &["CREATE TABLE IF NOT EXISTS parts (
    id {identity},
    whole BIGINT REFERENCES parts (id) DEFERRABLE INITIALLY DEFERRED
)"];

async fn check(url: &str) {
    let database = Database::open(url, SCHEMA, &Registry::new()).unwrap();
    let add = async |whole: Option<i64>| {
        let insert = sqlx::query("INSERT INTO parts (whole) VALUES ($1) RETURNING id").bind(whole);
        database.change("insert", "parts", insert).await
    };
    for round in 0..20 {
        let refused = add(Some(1_000_000)).await;
        assert!(
            refused.is_err(),
            "round {round}: it was told as done before its commit failed"
        );
    }
    assert_eq!(add(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_change_has_been_committed_when_it_is_told_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    check(&format!(
        "sqlite:{}",
        directory.path().join("a.db").display()
    ))
    .await;
}

#[tokio::test]
async fn a_change_has_been_committed_when_it_is_told_on_postgres() {
    let server = tokio::task::spawn_blocking(|| Postgres::start().unwrap())
        .await
        .unwrap();
    check(&server.url()).await;
}
