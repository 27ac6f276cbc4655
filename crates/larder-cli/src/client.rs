//! Asks a running daemon over HTTP, blocking the calling thread for at most
//! [`TIME_LIMIT`] a request, unless more patience is asked for.
//!
//! It must not know what is done with an answer.

mod answers;
mod problem;
mod target;
mod v1;

use std::fmt::Write as _;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

pub(crate) use answers::{ByDay, History, Point, Requests, Stats, Usage};
pub(crate) use problem::Problem;
pub(crate) use target::{Target, checked_token};
pub(crate) use v1::{
    Advice, Backend, CacheInfo, Caches, Curve, Explained, Keys, Recommendation, Status, Timed,
    Window,
};

/// The longest time that one request may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The longest time that warming a cache may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// The longest time that connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// The largest answer that is read.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// Why a request got no usable answer. The texts are for the user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody answered, or not in time.
    #[error("no answer from {url}: {reason}; is `larder serve` running there?")]
    Unreachable {
        /// The server that was asked.
        url: String,
        /// The transport's words.
        reason: String,
    },
    /// 401 or 403.
    #[error("the server refused: {problem}; {advice}")]
    Refused {
        /// The server's words.
        problem: Box<Problem>,
        /// What to do about it.
        advice: String,
    },
    /// 404.
    #[error("not found: {0}")]
    NotFound(Box<Problem>),
    /// Any other 4xx: the request cannot be what was meant.
    #[error("the server cannot do that: {0}")]
    Misasked(Box<Problem>),
    /// 503: it scans, or found no logs.
    #[error("no answer yet: {0}")]
    NotReady(Box<Problem>),
    /// Any other status.
    #[error("the server failed: {0}")]
    Failed(Box<Problem>),
    /// A good status with a body that is not the promised one.
    #[error("{url} did not answer as a larder daemon does: {reason}")]
    Malformed {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// The answer to a GET.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What the caller has, by its `ETag`, still holds.
    Unchanged,
    /// A new body.
    Body {
        /// JSON.
        text: String,
        /// To ask with the next time.
        etag: Option<String>,
    },
}

/// A connection pool to one daemon.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    target: Target,
    body_bytes_max: u64,
}

impl Client {
    /// A client for that daemon; nothing is sent yet.
    pub(crate) fn new(target: Target) -> Self {
        Self::bounded(target, TIME_LIMIT, BODY_BYTES_MAX)
    }

    /// One whose requests take no longer than `limit`, and whose answers are no larger than that.
    pub(crate) fn bounded(target: Target, limit: Duration, body_bytes_max: u64) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT_LIMIT.min(limit)))
            .timeout_global(Some(limit))
            .user_agent(concat!("larder/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.into(),
            target,
            body_bytes_max,
        }
    }

    /// The daemon's address.
    pub(crate) fn url(&self) -> &str {
        &self.target.url
    }

    /// Asks for `path`; with the `ETag` of an earlier answer, only for a newer
    /// one.
    pub(crate) fn get(&self, path: &str, etag: Option<&str>) -> Result<Answer, Error> {
        let mut request = self.agent.get(self.address(path));
        if let Some(bearer) = self.bearer() {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        if response.status() == StatusCode::NOT_MODIFIED && etag.is_some() {
            return Ok(Answer::Unchanged);
        }
        let etag = response
            .headers()
            .get(header::ETAG)
            .and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let text = self.body(response)?;
        Ok(Answer::Body { text, etag })
    }

    /// The body of `path`.
    pub(crate) fn get_text(&self, path: &str) -> Result<String, Error> {
        match self.get(path, None)? {
            Answer::Body { text, .. } => Ok(text),
            Answer::Unchanged => Err(self.malformed(path, &"304 to an unconditional request")),
        }
    }

    /// The body of `path`, read as `T`.
    pub(crate) fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.parse(path, &self.get_text(path)?)
    }

    /// Sends `body` to `path` and reads the answer's body, which may be empty.
    pub(crate) fn post(&self, path: &str, body: &serde_json::Value) -> Result<String, Error> {
        self.post_within(TIME_LIMIT, path, body)
    }

    /// As [`post`](Self::post), of what may take [`PATIENCE`].
    pub(crate) fn post_patiently(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<String, Error> {
        self.post_within(PATIENCE, path, body)
    }

    fn post_within(
        &self,
        limit: Duration,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<String, Error> {
        let request = self.agent.post(self.address(path)).config();
        let mut request = request.timeout_global(Some(limit)).build();
        if let Some(bearer) = self.bearer() {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let response = request
            .send_json(body)
            .map_err(|error| self.unreachable(&error))?;
        self.body(response)
    }

    /// Reads an answer to `path` as `T`.
    pub(crate) fn parse<T: DeserializeOwned>(&self, path: &str, text: &str) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|error| self.malformed(path, &error))
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.target.url)
    }

    fn bearer(&self) -> Option<String> {
        let token = self.target.token.as_ref()?;
        Some(format!("Bearer {token}"))
    }

    fn body(&self, mut response: Response<Body>) -> Result<String, Error> {
        let status = response.status();
        let text = response
            .body_mut()
            .with_config()
            .limit(self.body_bytes_max)
            .lossy_utf8(true)
            .read_to_string()
            .map_err(|error| match error {
                ureq::Error::BodyExceedsLimit(bytes) => {
                    self.malformed("", &format!("more than {bytes} bytes"))
                }
                error => self.unreachable(&error),
            })?;
        if status.is_success() {
            return Ok(text);
        }
        let problem = Box::new(Problem::parse(status.as_u16(), &text));
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Refused {
                problem,
                advice: self.target.advice(),
            },
            StatusCode::NOT_FOUND => Error::NotFound(problem),
            status if status.is_client_error() => Error::Misasked(problem),
            StatusCode::SERVICE_UNAVAILABLE => Error::NotReady(problem),
            _ => Error::Failed(problem),
        })
    }

    fn unreachable(&self, error: &ureq::Error) -> Error {
        Error::Unreachable {
            url: self.target.url.clone(),
            reason: match error {
                ureq::Error::Io(error) => error.to_string(),
                other => other.to_string(),
            },
        }
    }

    pub(crate) fn malformed(&self, path: &str, reason: &dyn ToString) -> Error {
        Error::Malformed {
            url: self.address(path),
            reason: reason.to_string(),
        }
    }
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            path.push(byte.into());
        } else {
            // Writing to a String does not fail.
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_key_cannot_leave_its_segment_of_a_path() {
        assert_eq!(segment("../x?é"), "%2E%2E%2Fx%3F%C3%A9");
    }
}
