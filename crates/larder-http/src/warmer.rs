//! How a cache is filled when someone asks for that. What fills it is not known here.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::problem::Problem;

type Warmed = Pin<Box<dyn Future<Output = Result<usize, Problem>> + Send>>;

/// What fills a cache.
pub(crate) struct Warmer {
    pub(crate) cache: String,
    run: Box<dyn Fn() -> Warmed + Send + Sync>,
    turn: Arc<Semaphore>,
}

impl Warmer {
    pub(crate) fn new<F>(cache: &str, warm: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<usize, Problem>> + Send + 'static,
    {
        Self {
            cache: cache.to_owned(),
            run: Box::new(move || Box::pin(warm())),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Fills the cache, also if whoever waits for it goes away; `None` if that is being done already.
    ///
    /// # Errors
    /// What fills it failed.
    pub(crate) async fn warm(&self) -> Option<Result<usize, Problem>> {
        let turn = self.turn.clone().try_acquire_owned().ok()?;
        let running = (self.run)();
        let warmed = async move {
            let _turn = turn;
            running.await
        };
        let warmed = tokio::spawn(warmed.in_current_span());
        Some(warmed.await.unwrap_or_else(|error| {
            tracing::error!(cache = self.cache, %error, "what warms the cache ended early");
            let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
            Err(Problem::new(
                status,
                "failed",
                "what warms the cache ended early",
            ))
        }))
    }
}
