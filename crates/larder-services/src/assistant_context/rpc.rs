//! The seam to where contexts come from.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::http::StatusCode;
use larder_http::Problem;

use super::context::Context;
use super::question::Question;
use crate::sql;

/// A call that is under way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Context, RpcError>> + Send + 'a>>;

/// An end that is under way.
pub type Closing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where contexts come from: slow, and perhaps away.
pub trait Rpc: Send + Sync {
    /// For people; without passwords.
    fn name(&self) -> &str;

    /// Differs between sources whose answers differ: what another one's left in a shared store is not
    /// used.
    fn fingerprint(&self) -> u64;

    /// Finds what bears on a question. One that takes too long is dropped.
    fn fetch<'a>(&'a self, question: &'a Question) -> Fetching<'a>;

    /// Lets go of what it holds. Nothing is fetched after it.
    fn close(&self) -> Closing<'_>;
}

/// Why there is no context.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// It took too long.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// No connection, or it broke.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// It answered, and not with a context.
    #[error("status {0}")]
    Status(u16),
    /// What it answered is none of the shapes that are known.
    #[error("{0}")]
    Malformed(String),
    /// The embedded knowledge base's.
    #[error("the knowledge base: {0}")]
    Database(#[from] sqlx::Error),
}

impl RpcError {
    /// What a client is told. What the source said itself goes to the log alone.
    pub(super) fn problem(&self) -> Problem {
        let bad = |kind, detail: &str| Problem::new(StatusCode::BAD_GATEWAY, kind, detail);
        match self {
            Self::TimedOut(limit) => {
                let detail = format!("the context RPC did not answer within {limit:?}");
                Problem::new(StatusCode::GATEWAY_TIMEOUT, "rpc-timeout", detail).retry_after(2)
            }
            Self::Unreachable(_) => {
                let detail = "the context RPC cannot be reached";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Problem::new(status, "rpc-unreachable", detail).retry_after(2)
            }
            Self::Status(status) => {
                let detail = format!("the context RPC answered with status {status}, expected 200");
                bad("rpc-failed", &detail)
            }
            Self::Malformed(expected) => {
                let detail = format!("the context RPC did not answer with a context: {expected}");
                bad("rpc-malformed", &detail)
            }
            Self::Database(error) => sql::problem(error),
        }
    }
}
