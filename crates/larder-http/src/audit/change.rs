//! A request that changes something, from its arrival to its answer.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use parking_lot::Mutex;

use super::Record;
use crate::auth::Caller;

/// The longest name or text that is noted, in characters.
const TEXT_CHARS_MAX: usize = 256;

/// A change that is being asked for; its handler says what it is about. Cloning gives another handle.
#[derive(Clone)]
pub(crate) struct Change(Arc<Mutex<Record>>);

impl Change {
    /// The change that a request asks for, if it is one of `/v1`: the services' own are not noted.
    pub(crate) fn of(request: &Request, id: &str) -> Option<Self> {
        let route = request.extensions().get::<MatchedPath>()?.as_str();
        let method = request.method();
        let below = route.strip_prefix("/v1/").filter(|_| !method.is_safe())?;
        let mut path = request.uri().path().trim_start_matches('/').splitn(5, '/');
        let cache = below.starts_with("caches/{name}").then(|| path.nth(2));
        let key = route.ends_with("{*key}").then(|| path.nth(1)).flatten();
        Some(Self(Arc::new(Mutex::new(Record {
            at: String::new(),
            actor: "unknown".to_owned(),
            role: None,
            request_id: id.to_owned(),
            action: word(below, method),
            cache: cache.flatten().map(short),
            scope: key.map(|key| short(&format!("key {key}"))),
            dry_run: false,
            matched: None,
            outcome: "done".to_owned(),
            status: 0,
        }))))
    }

    /// Notes who asks.
    pub(crate) fn by(&self, caller: &Caller) {
        let mut action = self.0.lock();
        let name = caller.name.as_deref().unwrap_or("anonymous");
        name.clone_into(&mut action.actor);
        action.role = caller.role;
    }

    /// Notes what of the cache is meant.
    pub(crate) fn about(&self, scope: &str, dry_run: bool) {
        let mut action = self.0.lock();
        action.scope = Some(short(scope));
        action.dry_run = dry_run;
    }

    /// Notes how many entries it met, and how far it reached.
    pub(crate) fn came_to(&self, matched: usize, outcome: &str) {
        let mut action = self.0.lock();
        action.matched = Some(matched as u64);
        outcome.clone_into(&mut action.outcome);
    }

    /// The action, answered so; `None` if nothing of that kind is served.
    pub(crate) fn answered(self, status: StatusCode) -> Option<Record> {
        if status == StatusCode::METHOD_NOT_ALLOWED {
            return None;
        }
        let mut action = self.0.lock().clone();
        action.at = jiff::Timestamp::now().to_string();
        action.status = status.as_u16();
        if status.is_client_error() {
            "refused".clone_into(&mut action.outcome);
        } else if !status.is_success() {
            "failed".clone_into(&mut action.outcome);
        }
        Some(action)
    }
}

/// What is asked for, by the route below `/v1/`.
fn word(below: &str, method: &Method) -> String {
    let last = below.rsplit('/').next().unwrap_or(below);
    match last {
        "enabled" => "metrics".to_owned(),
        last if last.starts_with('{') => method.as_str().to_ascii_lowercase(),
        last => last.to_owned(),
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
