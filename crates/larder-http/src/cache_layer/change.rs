//! A request that may change something: what is stored for its URL is invalidated (RFC 9111 §4.4).

use axum::http::StatusCode;
use larder::Cache;
use tokio::runtime::Handle;

use super::stored::CachedResponse;

/// An invalidation that a request owes from when it begins. Where the request is dropped half-way, or
/// its origin panics, nobody knows how far it came: then it is made too, in the background.
pub(super) struct Owed {
    cache: Cache<String, CachedResponse>,
    tag: Option<String>,
}

impl Owed {
    pub(super) fn new(cache: &Cache<String, CachedResponse>, tag: String) -> Self {
        Self {
            cache: cache.clone(),
            tag: Some(tag),
        }
    }

    /// Makes it, unless the origin refused the request; `None`: it failed.
    pub(super) async fn settle(mut self, status: Option<StatusCode>) {
        if !status.is_some_and(|status| status.is_client_error())
            && let Some(tag) = &self.tag
        {
            invalidate(&self.cache, tag).await;
        }
        self.tag = None;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if let Some(tag) = self.tag.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let cache = self.cache.clone();
            runtime.spawn(async move { invalidate(&cache, &tag).await });
        }
    }
}

async fn invalidate(cache: &Cache<String, CachedResponse>, tag: &str) {
    if let Err(error) = cache.invalidate_tag(tag).await {
        tracing::warn!(cache = cache.name(), %error, "a change of {tag} may not be seen everywhere");
    }
}
