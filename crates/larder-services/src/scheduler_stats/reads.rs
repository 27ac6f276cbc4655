//! What is read through the caches: the caching pattern, two namespaces with a time to live each.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use larder::{AnyCache, BuildError, Cache, Clock, Error, Policy, Tiers};
use larder_http::Problem;
use serde::{Deserialize, Serialize};

use super::simulator::Scheduler;
use super::store::Store;
use crate::sql::{self, Dialect};

/// Training data changes by batches of 50 tasks.
const TRAINING_LIFE: Duration = Duration::from_secs(30);
const FIGURES_LIFE: Duration = Duration::from_secs(10);
/// Answers with training data are kept up to this many bytes.
const TRAINING_BYTES_MAX: u64 = 32 << 20;
/// How long a reader waits for the database.
const READ_MAX: Duration = Duration::from_secs(10);

/// What the results of a scheduler come to. Without results there are no times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SchedulerFigures {
    /// Results.
    pub count: i64,
    /// Seconds.
    pub avg_time: Option<f64>,
    /// Seconds.
    pub min_time: Option<f64>,
    /// Seconds.
    pub max_time: Option<f64>,
    /// Joules.
    pub total_energy: f64,
    /// Dollars.
    pub total_cost: f64,
}

/// The two namespaces, before the store.
pub(super) struct Reads {
    pub(super) store: Arc<Store>,
    /// Answers as they are sent, so that a hit serializes nothing.
    pub(super) training_data: Cache<String, Bytes>,
    pub(super) scheduler_stats: Cache<String, SchedulerFigures>,
}

impl Reads {
    /// What is made from an embedded database is kept in memory alone: others have other rows.
    pub(super) fn new(store: Arc<Store>, tiers: &Tiers, clock: &Clock) -> Result<Self, BuildError> {
        let own = Tiers::default();
        let tiers = match store.database.dialect() {
            Dialect::Sqlite => &own,
            Dialect::Postgres => tiers,
        };
        let policy = |life| Policy::ttl(life).hard_timeout(READ_MAX);
        let training_data = Cache::builder("training_data")
            .max_capacity(TRAINING_BYTES_MAX)
            .weigher(|_, answer: &Bytes| u32::try_from(answer.len()).unwrap_or(u32::MAX))
            .policy(policy(TRAINING_LIFE))
            .explain(true)
            .values_as_text()
            .tiers(tiers)
            .clock(clock.clone());
        let scheduler_stats = Cache::builder("scheduler_stats")
            .policy(policy(FIGURES_LIFE))
            .explain(true)
            .values_as_json()
            .tiers(tiers)
            .clock(clock.clone());
        Ok(Self {
            store,
            training_data: training_data.build()?,
            scheduler_stats: scheduler_stats.build()?,
        })
    }

    /// The newest training data as JSON, at most 30 s old.
    pub(super) async fn latest_training_data(&self, limit: u32) -> Result<Bytes, Problem> {
        let (key, store) = (format!("training_data_latest_{limit}"), self.store.clone());
        let load = move |_| async move { store.latest(limit).await.map(|rows| rendered(&rows)) };
        let latest = self.training_data.get_or_load(&key, load).await;
        latest.map_err(|error| unread(&error))
    }

    /// What the results of a scheduler come to, at most 10 s old.
    pub(super) async fn figures(&self, scheduler: Scheduler) -> Result<SchedulerFigures, Problem> {
        let (key, store) = (format!("scheduler_stats_{scheduler}"), self.store.clone());
        let load = move |_| async move { store.figures(scheduler).await };
        let figures = self.scheduler_stats.get_or_load(&key, load).await;
        figures.map_err(|error| unread(&error))
    }

    /// Has the figures of all schedulers in the cache; returns how many.
    pub(super) async fn warm_figures(&self) -> Result<usize, Problem> {
        for scheduler in Scheduler::ALL {
            self.figures(scheduler).await?;
        }
        Ok(Scheduler::ALL.len())
    }

    /// The namespaces.
    pub(super) fn namespaces(&self) -> [&dyn AnyCache; 2] {
        [&self.training_data, &self.scheduler_stats]
    }

    /// Starts the figures of both anew.
    pub(super) fn reset_stats(&self) {
        self.training_data.reset_stats();
        self.scheduler_stats.reset_stats();
    }
}

fn rendered(rows: &impl Serialize) -> Bytes {
    let json = serde_json::to_vec(rows);
    json.expect("texts and numbers serialize").into()
}

/// What a client is told when there is no answer.
fn unread(error: &Error) -> Problem {
    if let Error::Load(failure) = error
        && let Some(error) = failure.downcast_ref::<sqlx::Error>()
    {
        return sql::problem(error);
    }
    tracing::warn!(%error, "a read got no answer");
    let detail = "the database did not answer in time";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database-slow", detail).retry_after(2)
}
