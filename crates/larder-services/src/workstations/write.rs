//! Writes, and the caching pattern in one function: commit, then invalidate, then tell.
//!
//! It must not know HTTP.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use larder_http::Problem;
use serde_json::{Map, Value, json};
use tokio::sync::MutexGuard;
use tracing::Instrument as _;

use super::answer::AnswerKey;
use super::fields::{self, Fields};
use super::record::Workstation;
use super::service::{Shared, Workstations, none};
use super::table;
use crate::sql;

/// How long a write waits for those before it.
const TURN_MAX: Duration = Duration::from_secs(5);

/// A change of the table.
enum Change {
    Insert(Fields),
    Update(i64, Fields),
    Delete(i64),
}

impl Workstations {
    /// Adds a workstation of these fields.
    ///
    /// # Errors
    /// A 422 that names what is wrong, a 409 if the name is taken or there are too many, a 503 if the
    /// database does not answer.
    pub async fn create(&self, given: &Map<String, Value>) -> Result<Workstation, Problem> {
        let fields = Fields::of_new(given, self.shared.now())?;
        let made = self.to_the_end(Change::Insert(fields)).await?;
        made.ok_or_else(|| {
            let detail = format!(
                "there are {} workstations, which is the limit",
                table::ROWS_MAX
            );
            Problem::new(StatusCode::CONFLICT, "full", detail)
        })
    }

    /// Changes these fields of a workstation; the others stay.
    ///
    /// # Errors
    /// As for [`create`](Self::create), and a 404.
    pub async fn update(&self, id: i64, given: Map<String, Value>) -> Result<Workstation, Problem> {
        let fields = Fields::of_known(id, given, self.shared.now())?;
        let changed = self.to_the_end(Change::Update(id, fields)).await?;
        changed.ok_or_else(none)
    }

    /// Removes a workstation.
    ///
    /// # Errors
    /// A 404, or a 503 if the database does not answer.
    pub async fn remove(&self, id: i64) -> Result<(), Problem> {
        let removed = self.to_the_end(Change::Delete(id)).await?;
        removed.map(|_| ()).ok_or_else(none)
    }

    /// A caller who goes away does not stop a write between its commit and its invalidation.
    async fn to_the_end(&self, change: Change) -> Result<Option<Workstation>, Problem> {
        let writing = tokio::spawn(self.clone().write(change).in_current_span());
        writing.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a write ended early");
            let detail = "the write ended early; what came of it is not known";
            Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "not-ended",
                detail,
            ))
        })
    }

    /// Commits a change, invalidates what it made old, and tells who listens.
    ///
    /// It invalidates also when the commit failed: its answer may have been lost.
    async fn write(self, change: Change) -> Result<Option<Workstation>, Problem> {
        let shared = &*self.shared;
        let _turn = shared.turn().await?;
        let (kind, makes_old) = (change.notice(), change.makes_old());
        let committed = shared.commit(change).await;
        let invalidated = shared.answers.invalidate_any_tag(makes_old).await;
        if let Err(error) = invalidated {
            tracing::warn!(%error, "other instances may show workstations as they were, for a while");
        }
        let changed = shared.note(committed).map_err(|error| refused(&error))?;
        if let Some(changed) = &changed {
            shared.notices.announce(kind, &json!(changed.summary));
        }
        Ok(changed)
    }
}

impl Shared {
    /// Waits until the writes before have ended.
    async fn turn(&self) -> Result<MutexGuard<'_, ()>, Problem> {
        let turn = tokio::time::timeout(TURN_MAX, self.turn.lock()).await;
        turn.map_err(|_| {
            let detail = "the writes before this one have not ended";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(5)
        })
    }

    async fn commit(&self, change: Change) -> sqlx::Result<Option<Workstation>> {
        match change {
            Change::Insert(fields) => table::insert(&self.database, fields).await,
            Change::Update(id, fields) => table::update(&self.database, id, fields).await,
            Change::Delete(id) => table::delete(&self.database, id).await,
        }
    }
}

impl Change {
    const fn notice(&self) -> &'static str {
        match self {
            Self::Insert(_) => "workstation_added",
            Self::Update(..) => "workstation_updated",
            Self::Delete(_) => "workstation_removed",
        }
    }

    /// The tags of the answers that are no longer true after it.
    fn makes_old(&self) -> Vec<Cow<'static, str>> {
        match self {
            Self::Insert(_) => vec![AnswerKey::List.tag()],
            Self::Update(id, _) | Self::Delete(id) => {
                vec![AnswerKey::List.tag(), AnswerKey::Record(*id).tag()]
            }
        }
    }
}

fn refused(error: &sqlx::Error) -> Problem {
    match error {
        sqlx::Error::Database(refused) if refused.is_check_violation() => fields::too_many_active(),
        error => sql::problem(error),
    }
}
