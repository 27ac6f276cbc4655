//! What is told of a response in `Cache-Status` (RFC 9211).

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::rules::Terms;

/// The field.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Where a response came from, and why.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Status {
    pub(super) is_hit: bool,
    /// Why the request went on to its origin.
    pub(super) forwarded: Option<&'static str>,
    /// What the origin answered, where that is not what is served.
    pub(super) answered: Option<StatusCode>,
    pub(super) is_stored: bool,
    /// Whether another client's request brought it.
    pub(super) is_collapsed: bool,
    /// For how long it is fresh still, in seconds; negative: since when it is not.
    pub(super) ttl: Option<i64>,
    pub(super) detail: Option<&'static str>,
}

impl Status {
    pub(super) fn forwarded(why: &'static str) -> Self {
        Self {
            forwarded: Some(why),
            ..Self::default()
        }
    }

    /// What was found stored, or if a request went on for this reason, what that has brought: this client's
    /// own, or another's.
    pub(super) fn found(forwarded: Option<&'static str>, is_own: bool) -> Self {
        Self {
            is_hit: forwarded.is_none(),
            forwarded,
            is_stored: forwarded.is_some(),
            is_collapsed: forwarded.is_some() && !is_own,
            ..Self::default()
        }
    }

    pub(super) const fn detailed(mut self, detail: &'static str) -> Self {
        self.detail = Some(detail);
        self
    }

    pub(super) fn of_age(mut self, terms: &Terms, age: Duration) -> Self {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        self.ttl = Some(seconds(terms.lifetime).saturating_sub(seconds(age)));
        self
    }

    /// Says it, after what caches nearer to the origin have said.
    pub(super) fn tell<B>(self, cache: &str, mut response: Response<B>) -> Response<B> {
        let mut text = format!("larder/{cache}");
        if self.is_hit {
            text.push_str("; hit");
        }
        if let Some(why) = self.forwarded {
            let _ = write!(text, "; fwd={why}");
        }
        if let Some(status) = self.answered {
            let _ = write!(text, "; fwd-status={}", status.as_u16());
        }
        for (name, is_so) in [("stored", self.is_stored), ("collapsed", self.is_collapsed)] {
            if is_so {
                let _ = write!(text, "; {name}");
            }
        }
        if let Some(ttl) = self.ttl {
            let _ = write!(text, "; ttl={ttl}");
        }
        if let Some(detail) = self.detail {
            let _ = write!(text, "; detail={detail}");
        }
        // The name of a cache has only letters that may stand in a field.
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().append(CACHE_STATUS, value);
        }
        response
    }
}
