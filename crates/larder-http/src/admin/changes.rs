//! What changes a cache by request.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use larder::{AnyCache, Applied, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, failed};
use crate::audit::Change;
use crate::body::JsonBody;
use crate::gateway::Gateway;
use crate::problem::{Problem, short};

#[utoipa::path(
    delete, path = "/v1/caches/{name}/entries/{key}", tag = "caches",
    params(("name", description = "the cache's name"), ("key", description = "the key's text")),
    security(("token" = [])),
    responses((status = OK, description = "Invalidates a key (operator)."))
)]
pub(crate) async fn remove(
    State(gateway): State<Arc<Gateway>>,
    Extension(change): Extension<Change>,
    Path((name, key)): Path<(String, String)>,
) -> Answer {
    let scope = Scope::Key(&key);
    change.about(&text(scope), false);
    apply(gateway.find(&name)?, scope, &change).await
}

/// How a value is put in.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Putting {
    /// Milliseconds from 1 on, in place of the cache's time to live.
    ttl_ms: Option<u32>,
    /// Its tags, with commas between them.
    tags: Option<String>,
}

#[utoipa::path(
    put, path = "/v1/caches/{name}/entries/{key}", tag = "caches",
    params(("name", description = "the cache's name"), ("key", description = "the key's text"), Putting),
    request_body(content_type = "application/json", description = "the value"),
    security(("token" = [])),
    responses(
        (status = OK, description = "Puts in a value that is given as JSON, of 64 KiB at most (operator)."),
        (status = CONFLICT, description = "The cache takes no values by hand."),
        (status = UNPROCESSABLE_ENTITY, description = "It is no value of this cache."),
    )
)]
pub(crate) async fn put(
    State(gateway): State<Arc<Gateway>>,
    Extension(change): Extension<Change>,
    Path((name, key)): Path<(String, String)>,
    putting: Result<Query<Putting>, QueryRejection>,
    JsonBody(value): JsonBody<Value>,
) -> Answer {
    let cache = gateway.find(&name)?;
    change.about(&text(Scope::Key(&key)), false);
    let Query(Putting { ttl_ms, tags }) = putting.map_err(|rejection| {
        let text = rejection.body_text();
        let text = short(&text);
        Problem::bad_request(format!("{text}; expected ?ttl_ms=NUMBER&tags=TAG,…"))
    })?;
    if ttl_ms == Some(0) {
        return Err(Problem::bad_request("ttl_ms is 0, expected 1 or more"));
    }
    let ttl = ttl_ms.map(|ms| Duration::from_millis(ms.into()));
    let tags = tags.iter().flat_map(|tags| tags.split(','));
    let tags: Vec<String> = tags
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect();
    let put = cache.put(&key, &value.to_string(), ttl, &tags).await;
    let applied = put.map_err(|error| failed(&error))?;
    tracing::info!(cache = name, key = %short(&key), ?applied, "put in by request");
    change.came_to(1, word(applied));
    Ok(Json(json!({ "applied": word(applied) })))
}

/// One of the four says what is meant.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    key: Option<String>,
    tag: Option<String>,
    prefix: Option<String>,
    pattern: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

const TARGET: &str =
    "expected {\"key\" | \"tag\" | \"prefix\" | \"pattern\": TEXT, \"dry_run\": true|false}";

impl Target {
    fn scope(&self) -> Option<Scope<'_>> {
        let Self {
            key,
            tag,
            prefix,
            pattern,
            ..
        } = self;
        match (key, tag, prefix, pattern) {
            (Some(key), None, None, None) => Some(Scope::Key(key)),
            (None, Some(tag), None, None) => Some(Scope::Tag(tag)),
            (None, None, Some(prefix), None) => Some(Scope::Prefix(prefix)),
            (None, None, None, Some(pattern)) => Some(Scope::Pattern(pattern)),
            _ => None,
        }
    }
}

#[utoipa::path(
    post, path = "/v1/caches/{name}/invalidate", tag = "caches",
    params(("name", description = "the cache's name")),
    request_body = Target,
    security(("token" = [])),
    responses(
        (status = OK, description = "Invalidates a key, a tag, a prefix or a pattern (admin), or counts what that would be."),
        (status = PAYLOAD_TOO_LARGE, description = "The body is longer than 64 KiB."),
    )
)]
pub(crate) async fn invalidate(
    State(gateway): State<Arc<Gateway>>,
    Extension(change): Extension<Change>,
    Path(name): Path<String>,
    target: Result<JsonBody<Target>, Problem>,
) -> Answer {
    let cache = gateway.find(&name)?;
    let JsonBody(target) = target.map_err(|problem| match problem.status() {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            Problem::bad_request(format!("{}; {TARGET}", problem.detail()))
        }
        _ => problem,
    })?;
    let scope = target.scope().ok_or_else(|| Problem::bad_request(TARGET))?;
    change.about(&text(scope), target.dry_run);
    if target.dry_run {
        let matched = cache.count(scope).map_err(|error| failed(&error))?;
        change.came_to(matched, "counted");
        return Ok(Json(json!({ "dry_run": true, "matched": matched })));
    }
    apply(cache, scope, &change).await
}

async fn apply(cache: &dyn AnyCache, scope: Scope<'_>, change: &Change) -> Answer {
    let matched = cache.count(scope).map_err(|error| failed(&error))?;
    let applied = cache
        .invalidate(scope)
        .await
        .map_err(|error| failed(&error))?;
    tracing::info!(
        cache = cache.name(),
        scope = %short(&text(scope)),
        matched,
        ?applied,
        "invalidated by request"
    );
    change.came_to(matched, word(applied));
    Ok(Json(
        json!({ "applied": word(applied), "matched": matched }),
    ))
}

#[utoipa::path(
    post, path = "/v1/caches/{name}/clear", tag = "caches",
    params(("name", description = "the cache's name")),
    security(("token" = [])),
    responses((status = OK, description = "Removes all entries (admin)."))
)]
pub(crate) async fn clear(
    State(gateway): State<Arc<Gateway>>,
    Extension(change): Extension<Change>,
    Path(name): Path<String>,
) -> Answer {
    let cache = gateway.find(&name)?;
    change.about("all", false);
    let entries = cache.len();
    let applied = cache.clear().await.map_err(|error| failed(&error))?;
    tracing::info!(
        cache = cache.name(),
        entries,
        ?applied,
        "cleared by request"
    );
    change.came_to(entries, word(applied));
    Ok(Json(
        json!({ "applied": word(applied), "entries": entries }),
    ))
}

#[utoipa::path(
    post, path = "/v1/caches/{name}/warm", tag = "caches",
    params(("name", description = "the cache's name")),
    security(("token" = [])),
    responses(
        (status = OK, description = "Fills the cache with what its service can tell beforehand, and answers when that is done (admin)."),
        (status = CONFLICT, description = "Nobody knows its keys before they are asked for, or it is being warmed already."),
    )
)]
pub(crate) async fn warm(
    State(gateway): State<Arc<Gateway>>,
    Extension(change): Extension<Change>,
    Path(name): Path<String>,
) -> Answer {
    let cache = gateway.find(&name)?;
    let warmer = gateway.warmers.iter().find(|warmer| warmer.cache == name);
    let warmer = warmer.ok_or_else(|| no_warmer(&gateway, &name))?;
    let Some(warmed) = warmer.warm().await else {
        let detail = format!("{name} is being warmed already");
        return Err(Problem::new(StatusCode::CONFLICT, "warming", detail).retry_after(1));
    };
    let warmed = warmed?;
    tracing::info!(cache = name, warmed, "warmed by request");
    change.came_to(warmed, "done");
    Ok(Json(json!({ "warmed": warmed, "entries": cache.len() })))
}

fn no_warmer(gateway: &Gateway, name: &str) -> Problem {
    let names = gateway.warmers.iter().map(|warmer| &*warmer.cache);
    let names: Vec<&str> = names.collect();
    let others = match &names[..] {
        [] => "no cache here can be".to_owned(),
        names => format!("those that can be: {}", names.join(", ")),
    };
    let detail =
        format!("{name} cannot be warmed, since its keys are not known beforehand; {others}");
    Problem::new(StatusCode::CONFLICT, "not-warmable", detail)
}

#[utoipa::path(
    post, path = "/v1/caches/{name}/reset", tag = "caches",
    params(("name", description = "the cache's name")),
    security(("token" = [])),
    responses((status = OK, description = "Starts the cache's figures anew; its entries stay (admin)."))
)]
pub(crate) async fn reset(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Answer {
    gateway.find(&name)?.reset_stats();
    tracing::info!(cache = name, "figures reset by request");
    Ok(Json(json!({ "reset": true })))
}

/// A scope as the audit log has it.
fn text(scope: Scope<'_>) -> String {
    match scope {
        Scope::Key(key) => format!("key {key}"),
        Scope::Tag(tag) => format!("tag {tag}"),
        Scope::Prefix(prefix) => format!("prefix {prefix}"),
        Scope::Pattern(pattern) => format!("pattern {pattern}"),
    }
}

/// Where a change holds: with the shared store out of reach it is `here`, and elsewhere once that is back.
fn word(applied: Applied) -> &'static str {
    match applied {
        Applied::Everywhere => "everywhere",
        _ => "here",
    }
}
