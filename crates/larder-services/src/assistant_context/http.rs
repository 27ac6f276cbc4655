//! `/codette/…`

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use larder::{Applied, Source};
use larder_http::{JsonBody, Problem, short_bodies};
use serde::Deserialize;
use serde_json::{Value, json};

use super::question::Question;
use super::reply::reply;
use super::service::AssistantContext;

const MESSAGE_CHARS_MAX: usize = 8_000;
const FILENAME_CHARS_MAX: usize = 255;
const NAME_CHARS_MAX: usize = 128;
/// Whose view a reply is given from, unless the request says.
const PERSPECTIVE: &str = "mix_engineering";

/// What the routes are, for people and programs.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(chat, stats, metrics, status, dashboard, signals, clear))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

pub(super) fn reads(service: &AssistantContext) -> Router {
    Router::new()
        .route("/codette/chat", post(chat))
        .route("/codette/cache/stats", get(stats))
        .route("/codette/cache/metrics", get(metrics))
        .route("/codette/cache/status", get(status))
        .route("/codette/analytics/dashboard", get(dashboard))
        .route("/codette/analytics/signals", get(signals))
        .with_state(service.clone())
}

pub(super) fn administration(service: &AssistantContext) -> Router {
    let routes = Router::new()
        .route("/codette/cache/clear", post(clear))
        .with_state(service.clone());
    short_bodies(routes)
}

/// What is asked.
#[derive(Deserialize, utoipa::ToSchema)]
struct Asked {
    /// 1 to 8,000 characters. Neither case nor white space makes another question of it.
    message: String,
    /// Said again in the reply; `mix_engineering` unless given.
    perspective: Option<String>,
    /// Accepted and not used: there is no model here to read it.
    #[expect(dead_code, reason = "clients send it")]
    context: Option<Value>,
    /// Said again in the reply.
    conversation_id: Option<String>,
    /// Of what the workstation says of itself, `filename` is used: the file that the message is about.
    daw_context: Option<Value>,
}

#[utoipa::path(
    post, path = "/codette/chat", tag = "assistant_context",
    request_body = Asked,
    responses(
        (status = OK, description = "A reply out of the context. `source` is where the context was found: memory, disk, redis or rpc; or `no-context`, where nothing is known."),
        (status = UNPROCESSABLE_ENTITY, description = "A field is not as it should be."),
        (status = BAD_GATEWAY, description = "The RPC failed, or answered with something else than a context."),
        (status = SERVICE_UNAVAILABLE, description = "The RPC cannot be reached, or too many calls run."),
        (status = GATEWAY_TIMEOUT, description = "The RPC did not answer in time."),
    )
)]
async fn chat(
    State(service): State<AssistantContext>,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<Value>, Problem> {
    let question = question(&asked)?;
    let perspective = named("perspective", asked.perspective.as_deref())?;
    let conversation = named("conversation_id", asked.conversation_id.as_deref())?;
    let (context, source) = service.context(&question).await?;
    let reply = reply(&question, &context);
    Ok(Json(json!({
        "response": reply.text,
        "perspective": perspective.unwrap_or(PERSPECTIVE),
        "confidence": reply.confidence,
        "timestamp": service.now(),
        "source": if context.is_empty() { "no-context" } else { name_of(source) },
        "cached": source != Source::Loader,
        "conversation_id": conversation,
        "context": {
            "snippets": context.snippets.len(),
            "file": context.file.as_ref().map(|file| &file.filename),
            "chat_history": context.chat_history.len(),
        },
    })))
}

fn question(asked: &Asked) -> Result<Question, Problem> {
    let chars = asked.message.chars().count();
    if asked.message.trim().is_empty() || chars > MESSAGE_CHARS_MAX {
        let expected = format!(
            "message: expected 1 to {MESSAGE_CHARS_MAX} characters, not all blank; it has {chars}"
        );
        return Err(refused(expected));
    }
    let filename = asked
        .daw_context
        .as_ref()
        .and_then(|daw| daw.get("filename"));
    let filename = filename.filter(|filename| !filename.is_null()).map(|filename| {
        let text = filename.as_str().filter(|text| text.chars().count() <= FILENAME_CHARS_MAX);
        text.ok_or_else(|| {
            let expected = format!("daw_context.filename: expected a text of at most {FILENAME_CHARS_MAX} characters");
            refused(expected)
        })
    });
    Ok(Question::new(&asked.message, filename.transpose()?))
}

fn named<'a>(field: &str, text: Option<&'a str>) -> Result<Option<&'a str>, Problem> {
    let is_short = text.is_none_or(|text| text.chars().count() <= NAME_CHARS_MAX);
    if is_short {
        return Ok(text);
    }
    Err(refused(format!(
        "{field}: expected at most {NAME_CHARS_MAX} characters"
    )))
}

fn refused(expected: String) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "unexpected-content",
        expected,
    )
}

const fn name_of(source: Source) -> &'static str {
    match source {
        Source::Memory => "memory",
        Source::Disk => "disk",
        Source::Remote => "redis",
        _ => "rpc",
    }
}

#[utoipa::path(
    get, path = "/codette/cache/stats", tag = "assistant_context",
    responses((status = OK, description = "Hits, misses and their mean times in milliseconds; 0 where there were none yet."))
)]
async fn stats(State(service): State<AssistantContext>) -> Json<Value> {
    Json(service.report().stats())
}

#[utoipa::path(
    get, path = "/codette/cache/metrics", tag = "assistant_context",
    responses((status = OK, description = "The same with what was saved: hits × (mean RPC time − mean hit time). Memory is what the entries take, weighed."))
)]
async fn metrics(State(service): State<AssistantContext>) -> Json<Value> {
    Json(service.report().metrics())
}

#[utoipa::path(
    get, path = "/codette/cache/status", tag = "assistant_context",
    responses((status = OK, description = "Which backends there are and stand, and the order in which they are asked."))
)]
async fn status(State(service): State<AssistantContext>) -> Json<Value> {
    Json(service.report().status())
}

#[utoipa::path(
    get, path = "/codette/analytics/dashboard", tag = "assistant_context",
    responses((status = OK, description = "All figures, and what to do about them."))
)]
async fn dashboard(State(service): State<AssistantContext>) -> Json<Value> {
    Json(service.report().dashboard())
}

#[utoipa::path(
    get, path = "/codette/analytics/signals", tag = "assistant_context",
    responses((status = OK, description = "What is watched, with value, target, verdict (good, watch, act, unknown) and advice; hits by tier; calls of the RPC."))
)]
async fn signals(State(service): State<AssistantContext>) -> Json<Value> {
    Json(service.report().signals())
}

#[utoipa::path(
    post, path = "/codette/cache/clear", tag = "assistant_context", security(("token" = [])),
    responses(
        (status = OK, description = "Every context is removed, in all tiers (admin); an empty cache may be cleared too."),
        (status = SERVICE_UNAVAILABLE, description = "A tier did not take it."),
    )
)]
async fn clear(State(service): State<AssistantContext>) -> Result<Json<Value>, Problem> {
    let (entries, applied) = service.clear().await?;
    Ok(Json(json!({
        "status": "success",
        "message": "Cache cleared",
        "entries_removed": entries,
        "applied": if applied == Applied::Everywhere { "everywhere" } else { "here" },
        "timestamp": service.now(),
    })))
}
