//! What a service brings: its routes by the role that they need, its caches, its checks.

use std::sync::Arc;

use axum::Router;
use larder::AnyCache;
use utoipa::openapi::OpenApi;

use crate::health::Check;
use crate::problem::Problem;
use crate::warmer::Warmer;

/// A service as a [`Gateway`](crate::Gateway) mounts it.
///
/// ```
/// use axum::{Router, routing::{get, post}};
/// use larder_http::Mount;
///
/// let words = larder::Cache::<String, String>::builder("words").build()?;
/// let mount = Mount::new()
///     .reads(Router::new().route("/api/words", get(|| async { "[]" })))
///     .changes(Router::new().route("/api/words", post(|| async { "" })))
///     .cache(words);
/// # Ok::<(), larder::BuildError>(())
/// ```
#[derive(Default)]
pub struct Mount {
    pub(crate) open: Router,
    pub(crate) reads: Router,
    pub(crate) changes: Router,
    pub(crate) administration: Router,
    pub(crate) streams: Router,
    pub(crate) caches: Vec<Arc<dyn AnyCache>>,
    pub(crate) checks: Vec<Check>,
    pub(crate) warmers: Vec<Warmer>,
    pub(crate) documents: Vec<OpenApi>,
}

impl Mount {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Routes that need no role: those by which one gets a token.
    #[must_use]
    pub fn open(mut self, routes: Router) -> Self {
        self.open = self.open.merge(routes);
        self
    }

    /// Routes for a viewer.
    #[must_use]
    pub fn reads(mut self, routes: Router) -> Self {
        self.reads = self.reads.merge(routes);
        self
    }

    /// Routes for an operator.
    #[must_use]
    pub fn changes(mut self, routes: Router) -> Self {
        self.changes = self.changes.merge(routes);
        self
    }

    /// Routes for an admin.
    #[must_use]
    pub fn administration(mut self, routes: Router) -> Self {
        self.administration = self.administration.merge(routes);
        self
    }

    /// `WebSocket`s and event streams, for a viewer. They are not compressed, and a page that cannot set
    /// headers gives its token as `?access_token=`.
    #[must_use]
    pub fn streams(mut self, routes: Router) -> Self {
        self.streams = self.streams.merge(routes);
        self
    }

    /// Shows and manages a cache under `/v1/caches`.
    #[must_use]
    pub fn cache(mut self, cache: impl AnyCache + 'static) -> Self {
        self.caches.push(Arc::new(cache));
        self
    }

    /// Has `warm` run by `POST /v1/caches/{cache}/warm`: it fills that cache, and tells how many of its
    /// keys are held now. It runs in a task of its own, once at a time, and a client that goes away does
    /// not end it.
    ///
    /// ```
    /// # use larder_http::Mount;
    /// let words = larder::Cache::<String, usize>::builder("words").build()?;
    /// let warmed = words.clone();
    /// let mount = Mount::new().cache(words).warm("words", move || {
    ///     let words = warmed.clone();
    ///     async move {
    ///         let _ = words.insert("cheese".into(), 6).await;
    ///         Ok(1)
    ///     }
    /// });
    /// # Ok::<(), larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn warm<F>(mut self, cache: &str, warm: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<usize, Problem>> + Send + 'static,
    {
        self.warmers.push(Warmer::new(cache, warm));
        self
    }

    /// Asks `check` at `/health/ready`.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Describes the routes in the `OpenAPI` document.
    #[must_use]
    pub fn document(mut self, document: OpenApi) -> Self {
        self.documents.push(document);
        self
    }
}
