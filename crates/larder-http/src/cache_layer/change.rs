//! A request that may change something: what is stored for its URL is invalidated (RFC 9111 §4.4).

use std::mem;

use axum::http::StatusCode;
use larder::Cache;
use tokio::runtime::Handle;

use super::stored::CachedResponse;

/// An invalidation that a request owes from when it begins. Where the request is dropped half-way, or
/// its origin panics, nobody knows how far it came: then it is made too, in the background.
pub(super) struct Owed {
    cache: Cache<String, CachedResponse>,
    tags: Vec<String>,
}

impl Owed {
    pub(super) fn new(cache: &Cache<String, CachedResponse>, tags: Vec<String>) -> Self {
        Self {
            cache: cache.clone(),
            tags,
        }
    }

    /// Makes it, unless the origin refused the request; `None`: it failed.
    pub(super) async fn settle(mut self, status: Option<StatusCode>) {
        if !status.is_some_and(|status| status.is_client_error()) {
            invalidate(&self.cache, &self.tags).await;
        }
        self.tags.clear();
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let tags = mem::take(&mut self.tags);
        if !tags.is_empty()
            && let Ok(runtime) = Handle::try_current()
        {
            let cache = self.cache.clone();
            runtime.spawn(async move { invalidate(&cache, &tags).await });
        }
    }
}

async fn invalidate(cache: &Cache<String, CachedResponse>, tags: &[String]) {
    for tag in tags {
        if let Err(error) = cache.invalidate_tag(tag).await {
            tracing::warn!(cache = cache.name(), %error, "a change of {tag} may not be seen everywhere");
        }
    }
}
