//! The databases that a service may run on, and facts that hold on each.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder_metrics::Registry;
use larder_services::sql::Database;
use larder_testkit::servers::Postgres;
use tempfile::TempDir;

/// One server for all tests, with a database for each.
static SERVER: LazyLock<Postgres> = LazyLock::new(|| Postgres::start().unwrap());
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// An empty database of one test's own.
pub(crate) struct Place {
    pub(crate) url: String,
    _directory: Option<TempDir>,
}

impl Place {
    pub(crate) fn on_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            url: format!("sqlite:{}", directory.path().join("a.db").display()),
            _directory: Some(directory),
        }
    }

    pub(crate) async fn on_postgres() -> Self {
        let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        // Starting it blocks.
        let url = tokio::task::spawn_blocking(|| SERVER.url()).await.unwrap();
        let server = Database::open(&url, &[], &Registry::new()).unwrap();
        let made = server.run("create", "none", async |pool| {
            let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
            sqlx::query(create).execute(pool).await
        });
        made.await.unwrap();
        server.close().await;
        Self {
            url: url.replace("/postgres", &format!("/{name}")),
            _directory: None,
        }
    }

    /// One at a URL, which somebody else keeps.
    pub(crate) fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            _directory: None,
        }
    }
}

/// Makes a test on each database of each fact about what a module's `House::on` makes of a [`Place`].
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($house:ident) $body:block)*) => {
        mod on_sqlite {
            $($(#[$doc])* #[tokio::test] async fn $name() {
                super::$name(super::House::on(crate::databases::Place::on_sqlite())).await;
            })*
        }
        mod on_postgres {
            $($(#[$doc])* #[tokio::test] async fn $name() {
                let place = crate::databases::Place::on_postgres().await;
                super::$name(super::House::on(place)).await;
            })*
        }
        $(async fn $name($house: House) $body)*
    };
}
pub(crate) use on_both;
