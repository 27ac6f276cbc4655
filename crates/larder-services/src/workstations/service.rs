//! The service: what it holds, reads through the cache, and what keeps that warm.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use axum::http::StatusCode;
use larder::{BuildError, Cache, Clock, Error, Loaded, Policy, Tiers};
use larder_http::{Check, Mount, Problem, Standing};
use larder_metrics::Registry;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::answer::{Answer, AnswerKey};
use super::notices::Notices;
use super::{http, performance, table};
use crate::sql::{self, Database, UrlError};

/// How long the list is cached, as its document says.
const LIFE: Duration = Duration::from_mins(5);
/// How long a reader waits for the database.
const READ_MAX: Duration = Duration::from_secs(10);
/// Between two looks at a database that does not answer.
const PAUSE: Duration = Duration::from_secs(2);
const DOWN: &str = "the database does not answer";

/// What the service runs with.
pub struct Options {
    /// Where the table is: `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// Where queries are timed.
    pub registry: Registry,
    /// What stands under its cache.
    pub tiers: Tiers,
    /// The source of time.
    pub clock: Clock,
    /// How many services run, for `managers.count`.
    pub services: Arc<AtomicUsize>,
}

/// Workstations in a table, cached. Cloning gives another handle.
#[derive(Clone)]
pub struct Workstations {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) answers: Cache<AnswerKey, Answer>,
    pub(super) notices: Notices,
    pub(super) services: Arc<AtomicUsize>,
    /// Writes go one after another, so that notices come in the order of the commits.
    pub(super) turn: Mutex<()>,
    /// Why the database did not answer the last time, if it did not.
    trouble: watch::Sender<Option<String>>,
    clock: Clock,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database's URL.
    #[error(transparent)]
    Database(#[from] UrlError),
    /// What stands under the cache.
    #[error(transparent)]
    Cache(#[from] BuildError),
}

/// Keeps the service going; [`stop`](Self::stop) ends it in order.
pub struct Running {
    workstations: Workstations,
    keeper: JoinHandle<()>,
}

impl Workstations {
    /// Starts the service: never waits for the database, which it makes its table in and warms its cache
    /// from in the background, now and whenever it comes back. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The database's URL is not understood, or what stands under the cache cannot be used.
    pub fn start(options: Options) -> Result<(Self, Running), StartError> {
        let Options {
            database,
            registry,
            tiers,
            clock,
            services,
        } = options;
        let answers = Cache::builder("workstations")
            .policy(Policy::ttl(LIFE).hard_timeout(READ_MAX))
            .explain(true)
            .values_as_text()
            .clock(clock.clone())
            .tiers(&tiers)
            .build()?;
        let shared = Arc::new(Shared {
            database: Database::open(&database, table::SCHEMA, &registry)?,
            answers,
            notices: Notices::new(),
            services,
            turn: Mutex::new(()),
            trouble: watch::Sender::new(None),
            clock,
        });
        let workstations = Self { shared };
        let keeper = tokio::spawn(workstations.clone().keep_warm());
        let running = Running {
            workstations: workstations.clone(),
            keeper,
        };
        Ok((workstations, running))
    }

    /// What the gateway serves of it.
    pub fn mount(&self) -> Mount {
        let warmed = self.clone();
        let warm = move || {
            let service = warmed.clone();
            async move { service.read(AnswerKey::List).await.map(|_| 1) }
        };
        Mount::new()
            .reads(http::reads(self))
            .changes(http::changes(self))
            .administration(performance::router(self))
            .streams(http::streams(self))
            .cache(self.answers())
            .warm("workstations", warm)
            .check(self.check().kind("sql"))
            .document(http::document())
    }

    /// The cache of answers.
    pub fn answers(&self) -> Cache<AnswerKey, Answer> {
        self.shared.answers.clone()
    }

    /// The list or a record, from the cache if it is there.
    ///
    /// # Errors
    /// A 404 if there is no such record, a 503 if the database does not answer.
    pub async fn read(&self, key: AnswerKey) -> Result<Answer, Problem> {
        let shared = self.shared.clone();
        let load = move |_| async move { shared.load(key).await };
        let read = self.shared.answers.get_or_load_optional(&key, load).await;
        read.map_err(|error| unread(&error))?.ok_or_else(none)
    }

    /// As [`read`](Self::read) of the list, past the cache.
    ///
    /// # Errors
    /// A 503 if the database does not answer.
    pub async fn read_uncached(&self) -> Result<Answer, Problem> {
        let rows = self.shared.note(table::list(&self.shared.database).await);
        rows.map(|rows| Answer::of(&rows))
            .map_err(|error| sql::problem(&error))
    }

    /// Has the list in the cache before it is asked for: at the start, and after an outage.
    ///
    /// First it lets go of what an earlier life of the service left in lower tiers: that may have ended
    /// between a commit and its invalidation.
    async fn keep_warm(self) {
        let mut trouble = self.shared.trouble.subscribe();
        if let Err(error) = self.shared.answers.clear().await {
            tracing::warn!(%error, "what was cached before the start may be served for five minutes");
        }
        loop {
            if self.shared.database.is_up().await && self.read(AnswerKey::List).await.is_ok() {
                self.shared.trouble.send_replace(None);
                // An error means that the service is gone.
                let in_trouble = trouble.wait_for(Option::is_some).await;
                if in_trouble.is_err() {
                    return;
                }
            } else {
                self.shared.trouble.send_replace(Some(DOWN.to_owned()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn check(&self) -> Check {
        let shared = self.shared.clone();
        Check::new("workstations", move || match &*shared.trouble.borrow() {
            None => Standing::Ready,
            Some(why) => Standing::Degraded(why.clone()),
        })
    }
}

impl Shared {
    async fn load(&self, key: AnswerKey) -> sqlx::Result<Loaded<Answer>> {
        let answer = match key {
            AnswerKey::List => self
                .note(table::list(&self.database).await)
                .map(|rows| Some(Answer::of(&rows))),
            AnswerKey::Record(id) => {
                let found = self.note(table::find(&self.database, id).await);
                found.map(|found| found.map(|record| Answer::of(&record)))
            }
        };
        Ok(answer?.map_or_else(Loaded::absent, |answer| {
            Loaded::from(answer).tags([key.tag()])
        }))
    }

    /// Remembers whether the database answered.
    pub(super) fn note<T>(&self, result: sqlx::Result<T>) -> sqlx::Result<T> {
        let why = match &result {
            Err(error) if sql::is_down(error) => Some(DOWN.to_owned()),
            _ => None,
        };
        self.trouble.send_if_modified(|trouble| {
            let is_new = *trouble != why;
            *trouble = why;
            is_new
        });
        result
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::try_from(self.clock.wall()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl Running {
    /// Lets the clients go, waits for a write that is running, and closes the database.
    pub async fn stop(self) {
        let shared = &self.workstations.shared;
        shared.notices.stop();
        self.keeper.abort();
        let last = shared.turn.lock().await;
        shared.database.close().await;
        drop(last);
    }
}

fn unread(error: &Error) -> Problem {
    if let Error::Load(own) = error
        && let Some(own) = own.downcast_ref()
    {
        return sql::problem(own);
    }
    match error {
        Error::Timeout { .. } | Error::Overloaded { .. } | Error::CutOff | Error::Closed => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Problem::new(status, "no-answer", error.to_string()).retry_after(2)
        }
        error => {
            tracing::error!(%error, "workstations could not be read");
            let detail = "the workstations could not be read; the log says why";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not-read", detail)
        }
    }
}

pub(super) fn none() -> Problem {
    Problem::not_found("there is no workstation of this id")
}
