//! The database of the services that keep rows: embedded `SQLite`, or `PostgreSQL` by URL.
//!
//! A database that is not there is a state and no error: nothing connects before the first query, and
//! each query finds by itself whether it is back. Statements are written once for both, with `$1`, `$2`
//! for what is bound; the schema says [`IDENTITY`] where the two differ.
//!
//! Must not know what the tables are for.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use larder_http::Problem;
use larder_metrics::{Metric, Registry};
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::query::Query;
use sqlx::{Any, AnyPool, ConnectOptions};
use tokio::sync::OnceCell;

/// Stands in a schema for a column that numbers its rows: `id {identity}`.
pub const IDENTITY: &str = "{identity}";

/// How queries are timed, by `operation` and `table`.
pub(crate) const QUERIES: Metric = Metric::histogram(
    "database_query_duration_seconds",
    "How long queries took, their wait for a connection included.",
);

/// Connections at most; who needs another waits.
const CONNECTIONS_MAX: u32 = 16;
/// How long a query waits for a connection before it fails.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// In the process, in a file.
    Sqlite,
    /// A server.
    Postgres,
}

/// A database with the tables of one service, which are made when they are first needed.
pub struct Database {
    pool: AnyPool,
    dialect: Dialect,
    schema: Vec<String>,
    is_made: OnceCell<()>,
    file: Option<File>,
    registry: Registry,
}

/// The file of an embedded database. Once it is removed, or another one is in its place, `SQLite` goes on
/// writing to what has no name any more.
struct File {
    path: PathBuf,
    /// Which file it was when the tables were made.
    identity: OnceLock<Option<Identity>>,
}

/// Device and number; none where the system has no such.
type Identity = (u64, u64);

impl File {
    /// That of a URL, if it names one.
    fn of(url: &str) -> Option<Self> {
        let path = url.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or(path);
        (!path.is_empty() && path != ":memory:").then(|| Self {
            path: path.into(),
            identity: OnceLock::new(),
        })
    }

    #[cfg(unix)]
    fn identity(&self) -> Option<Identity> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn identity(&self) -> Option<Identity> {
        None
    }

    /// Fails if what was opened is not there any more. One look at the file's metadata.
    fn check(&self) -> sqlx::Result<()> {
        let opened = self.identity.get().copied().flatten();
        if opened.is_none() || opened == self.identity() {
            return Ok(());
        }
        let path = self.path.display();
        let why = format!(
            "{path} was removed or replaced while it was open; start again to use what is there"
        );
        Err(sqlx::Error::Io(std::io::Error::other(why)))
    }
}

/// The URL names no database that is understood here.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Neither of the two kinds.
    #[error("expected sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Scheme,
    /// The rest of it is not understood. The text has no password.
    #[error("{0}")]
    Rest(String),
}

impl Database {
    /// The database of the URL (`sqlite:PATH`, made if it is not there, or `postgres://…`) with these
    /// tables. Never waits, and opens no connection. Queries are timed in the registry as
    /// `database_query_duration_seconds`.
    ///
    /// # Errors
    /// The URL is not understood.
    pub fn open(url: &str, schema: &[&str], registry: &Registry) -> Result<Self, UrlError> {
        install_default_drivers();
        let scheme = url.split_once(':').map(|(scheme, _)| scheme);
        let (dialect, url) = match scheme {
            Some("sqlite") => (Dialect::Sqlite, made_if_absent(url)),
            Some("postgres" | "postgresql") => (Dialect::Postgres, url.to_owned()),
            _ => return Err(UrlError::Scheme),
        };
        let options = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(CONNECT_MAX);
        let options = match dialect {
            Dialect::Sqlite => options.after_connect(|connection, _| {
                Box::pin(async move {
                    for pragma in PRAGMAS {
                        sqlx::query(pragma).execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            }),
            Dialect::Postgres => options,
        };
        // Each is a line of this program's log, with the request that made it.
        let connect =
            AnyConnectOptions::from_str(&url).map(ConnectOptions::disable_statement_logging);
        let pool = connect.map(|connect| options.connect_lazy_with(connect));
        // Fails only where the registry is full, and then there is nothing to describe.
        let _ = registry.describe(QUERIES.name, QUERIES.help);
        let identity = match dialect {
            Dialect::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
            Dialect::Postgres => "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        };
        Ok(Self {
            pool: pool.map_err(|error| UrlError::Rest(error.to_string()))?,
            dialect,
            schema: schema
                .iter()
                .map(|statement| statement.replace(IDENTITY, identity))
                .collect(),
            is_made: OnceCell::new(),
            file: File::of(&url),
            registry: registry.clone(),
        })
    }

    /// Which kind it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs one query: `operation` (`select`, `insert` and so on) on `table`, timed under these names.
    ///
    /// # Errors
    /// The query's own, or why the database or its tables are not there.
    pub async fn run<T>(
        &self,
        operation: &'static str,
        table: &'static str,
        query: impl AsyncFnOnce(&AnyPool) -> sqlx::Result<T>,
    ) -> sqlx::Result<T> {
        self.is_made.get_or_try_init(|| self.make()).await?;
        if let Some(file) = &self.file {
            file.check()?;
        }
        let begun = Instant::now();
        let answer = query(&self.pool).await;
        let took = begun.elapsed();
        tracing::debug!(operation, table, ?took, is_ok = answer.is_ok(), "a query");
        let tags = [("operation", operation), ("table", table)];
        // The names are valid, and more series than the registry holds share one.
        let _ = self.registry.record(QUERIES.name, &tags, took);
        answer
    }

    /// Runs one statement that changes rows, and returns those that it says (`RETURNING …`) once it has
    /// been committed. With `fetch_one` and `fetch_optional` the first row comes *before* the commit,
    /// which may still fail, and what is invalidated then is invalidated too early.
    ///
    /// # Errors
    /// As of [`run`](Self::run).
    pub async fn change(
        &self,
        operation: &'static str,
        table: &'static str,
        statement: Query<'_, Any, AnyArguments>,
    ) -> sqlx::Result<Vec<AnyRow>> {
        let to_its_end = async |pool: &AnyPool| statement.fetch_all(pool).await;
        self.run(operation, table, to_its_end).await
    }

    /// Makes the tables that are not there. Several processes may do so at once.
    async fn make(&self) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin().await?;
        if self.dialect == Dialect::Postgres {
            // Otherwise two that make the same table at once may fail on the catalogue.
            let lock = "SELECT pg_advisory_xact_lock(7070)";
            sqlx::query(lock).execute(&mut *transaction).await?;
        }
        for statement in &self.schema {
            let statement = sqlx::AssertSqlSafe(statement.as_str());
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        if let Some(file) = &self.file {
            file.identity.get_or_init(|| file.identity());
        }
        Ok(())
    }

    /// Whether a connection answers now. Waits for one up to three seconds.
    pub async fn is_up(&self) -> bool {
        let asked = self.run("select", "none", async |pool| {
            sqlx::query("SELECT 1").execute(pool).await
        });
        asked.await.is_ok()
    }

    /// Ends its connections. Queries fail from now on.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Writers wait for each other instead of failing, and readers for nobody.
const PRAGMAS: [&str; 4] = [
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA foreign_keys = ON",
];

fn made_if_absent(url: &str) -> String {
    if url.contains('?') || url.ends_with(":memory:") {
        return url.to_owned();
    }
    format!("{url}?mode=rwc")
}

/// What a client is told of a query that failed. What the database says goes to the log: it may name
/// what a client must not see.
pub fn problem(error: &sqlx::Error) -> Problem {
    if is_down(error) {
        tracing::warn!(%error, "the database does not answer");
        let detail = "the database does not answer";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database-down", detail)
            .retry_after(2);
    }
    if let sqlx::Error::Database(refused) = error
        && refused.is_unique_violation()
    {
        let detail = "another one has this name already";
        return Problem::new(StatusCode::CONFLICT, "exists", detail);
    }
    tracing::error!(%error, "a query failed");
    let detail = "the database refused a query; the log says why";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "query-failed", detail)
}

/// Whether it is the database that is not there, and not the query that is wrong.
pub fn is_down(error: &sqlx::Error) -> bool {
    use sqlx::Error::{
        Configuration, Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed,
    };
    match error {
        Database(refused) => is_away(refused.code().as_deref()),
        Configuration(_) | Io(_) | PoolClosed | PoolTimedOut | Protocol(_) | Tls(_)
        | WorkerCrashed => true,
        _ => false,
    }
}

/// Whether a database of this code starts, stops, is busy or has no room, whatever it was asked: of
/// `PostgreSQL` the classes 08 (connection), 53 (resources) and 57 (an operator's hand), of `SQLite`
/// busy, locked, and what its file system refuses.
fn is_away(code: Option<&str>) -> bool {
    match code {
        Some(code) if code.len() == 5 => ["08", "53", "57"].contains(&&code[..2]),
        Some(code) => ["5", "6", "10", "13", "14", "261", "517"].contains(&code),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_being_stopped_is_down_and_has_not_refused() {
        let codes = ["57P01", "57P03", "53300", "08006", "5", "14"];
        assert!(codes.iter().all(|code| is_away(Some(code))));
        let refusals = [Some("23514"), Some("42601"), Some("1"), Some("2067"), None];
        assert!(!refusals.into_iter().any(is_away));
    }

    #[test]
    fn a_url_of_another_kind_is_refused_with_what_was_expected() {
        for url in ["mysql://a/b", "file", ""] {
            let refused = Database::open(url, &[], &Registry::new());
            let text = refused.err().unwrap().to_string();
            assert!(text.contains("expected sqlite:PATH"), "{url}: {text}");
        }
    }
}
