//! A request that changes something, from its arrival to its answer.

use std::sync::Arc;

use axum::RequestExt as _;
use axum::extract::{MatchedPath, RawPathParams, Request};
use axum::http::{Method, StatusCode};
use parking_lot::Mutex;

use super::Record;
use crate::auth::Caller;

/// The longest name or text that is noted, in characters.
const TEXT_CHARS_MAX: usize = 256;

/// A change that is being asked for; its handler says what it is about. Cloning gives another handle.
#[derive(Clone)]
pub(crate) struct Change(Arc<Mutex<Asked>>);

struct Asked {
    record: Record,
    /// Whether it is one for an operator or an admin, or was refused before that was known.
    is_noted: bool,
}

impl Change {
    /// The change that a request may ask for, unless its method is a safe one or nothing is served there.
    pub(crate) async fn of(request: &mut Request, id: &str) -> Option<Self> {
        if request.method().is_safe() {
            return None;
        }
        let route = request.extensions().get::<MatchedPath>()?.clone();
        let named = request.extract_parts::<RawPathParams>().await.ok();
        let named = |name: &str| {
            let found = named.iter().flatten().find(|(own, _)| *own == name);
            found.map(|(_, text)| short(text))
        };
        let (method, route) = (request.method(), route.as_str());
        let (cache, scope) = match route.strip_prefix("/v1/") {
            Some(below) => {
                let cache = below.starts_with("caches/").then(|| named("name"));
                (
                    cache.flatten(),
                    named("key").map(|key| format!("key {key}")),
                )
            }
            None => (None, Some(format!("{method} {}", request.uri().path()))),
        };
        let record = Record {
            at: String::new(),
            actor: "unknown".to_owned(),
            role: None,
            request_id: id.to_owned(),
            action: word(route, method),
            cache,
            scope: scope.as_deref().map(short),
            dry_run: false,
            matched: None,
            outcome: "done".to_owned(),
            status: 0,
        };
        let is_noted = false;
        Some(Self(Arc::new(Mutex::new(Asked { record, is_noted }))))
    }

    /// Has it noted once it is answered.
    pub(crate) fn note(&self) {
        self.0.lock().is_noted = true;
    }

    /// Notes who asks.
    pub(crate) fn by(&self, caller: &Caller) {
        let action = &mut self.0.lock().record;
        let name = caller.name.as_deref().unwrap_or("anonymous");
        name.clone_into(&mut action.actor);
        action.role = caller.role;
    }

    /// Notes what of the cache is meant.
    pub(crate) fn about(&self, scope: &str, dry_run: bool) {
        let action = &mut self.0.lock().record;
        action.scope = Some(short(scope));
        action.dry_run = dry_run;
    }

    /// Notes how many entries it met, and how far it reached.
    pub(crate) fn came_to(&self, matched: usize, outcome: &str) {
        let action = &mut self.0.lock().record;
        action.matched = Some(matched as u64);
        outcome.clone_into(&mut action.outcome);
    }

    /// The action, answered so; `None` if it is none to be noted.
    pub(crate) fn answered(self, status: StatusCode) -> Option<Record> {
        let asked = self.0.lock();
        if status == StatusCode::METHOD_NOT_ALLOWED || !asked.is_noted {
            return None;
        }
        let mut action = asked.record.clone();
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

/// What is asked for, by the last word of the route, or by the method where that says it.
fn word(route: &str, method: &Method) -> String {
    let mut words = route.rsplit('/').filter(|word| !word.starts_with('{'));
    match (method, words.next()) {
        (&Method::POST, Some("enabled")) => "metrics".to_owned(),
        (&Method::POST, Some(word)) => word.to_owned(),
        _ => method.as_str().to_ascii_lowercase(),
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
