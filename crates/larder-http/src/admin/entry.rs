//! `/v1/caches/{name}/entries/{key}`: one key, and why it was missed.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use larder::{Explanation, Held, Miss, MissReason, Shown, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, failed};
use crate::gateway::Gateway;
use crate::problem::{Problem, short};
use crate::wire::EntryWire;

/// The longest value that is shown, as a text.
const VALUE_BYTES_MAX: usize = 1 << 20;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// `1`: all that is known of the key, in every tier but the shared one, and why it was last missed; also
    /// where nothing is held.
    explain: Option<Flag>,
    /// `1`: the value too, from memory or the disk, where the cache shows its values; of 1 MiB at most.
    value: Option<Flag>,
}

/// `1` or `true`, `0` or `false`.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
enum Flag {
    #[serde(rename = "1", alias = "true")]
    On,
    #[serde(rename = "0", alias = "false")]
    Off,
}

impl Flag {
    fn is_on(flag: Option<Self>) -> bool {
        matches!(flag, Some(Self::On))
    }
}

#[utoipa::path(
    get, path = "/v1/caches/{name}/entries/{key}", tag = "caches",
    params(("name", description = "the cache's name"), ("key", description = "the key's text"), Asked),
    responses(
        (status = OK, description = "What is known of a key in memory; with explain=1 of any key, in all tiers, and why it was missed; with value=1 the value."),
        (status = CONFLICT, description = "The cache does not show its values, or this one is too long."),
    )
)]
pub(crate) async fn entry(
    State(gateway): State<Arc<Gateway>>,
    Path((name, key)): Path<(String, String)>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Answer {
    let cache = gateway.find(&name)?;
    let Query(asked) = asked.map_err(|rejection| {
        let text = rejection.body_text();
        let text = short(&text);
        Problem::bad_request(format!("{text}; expected ?explain=1, ?value=1 or both"))
    })?;
    let mut known = if Flag::is_on(asked.explain) {
        let explanation = cache.explain(&key).await.map_err(|error| failed(&error))?;
        json!(Explained::from(explanation))
    } else {
        let found = cache.entry_info(&key).ok_or_else(|| {
            let key = short(&key);
            Problem::not_found(format!("{name} holds no entry for the key {key:?}"))
        })?;
        json!(EntryWire::from(found))
    };
    if Flag::is_on(asked.value) {
        let shown = cache.shown(&key, VALUE_BYTES_MAX).await;
        add_value(&mut known, shown.map_err(|error| failed(&error))?);
    }
    Ok(Json(known))
}

/// What is told of a value: `value` and `value_type`; of bytes that are no text their number alone.
fn add_value(known: &mut Value, shown: Option<Shown>) {
    let (value, kind, bytes) = match shown {
        Some(Shown::Json(json)) => {
            let value = serde_json::from_str(&json).unwrap_or(Value::Null);
            (value, Some("json"), Some(json.len()))
        }
        Some(Shown::Text(text)) => {
            let bytes = text.len();
            (text.into(), Some("text"), Some(bytes))
        }
        Some(Shown::Bytes(bytes)) => (Value::Null, Some("bytes"), Some(bytes)),
        _ => (Value::Null, None, None),
    };
    known["value"] = value;
    known["value_type"] = json!(kind);
    known["value_bytes"] = json!(bytes);
}

#[derive(Serialize)]
struct Explained {
    key: String,
    held: Option<HeldWire>,
    is_absent: bool,
    is_loading: bool,
    last_miss: Option<MissWire>,
    text: String,
}

#[derive(Serialize)]
struct HeldWire {
    tier: &'static str,
    age_ms: u64,
    remaining_ms: Option<u64>,
    usable_stale_ms: Option<u64>,
    version: u64,
    weight: u32,
    load_ms: Option<f64>,
    tags: Vec<String>,
    etag: Option<String>,
    at: Option<u64>,
}

#[derive(Serialize)]
struct MissWire {
    reason: &'static str,
    ago_ms: u64,
    /// What invalidated it, and how long before the miss.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before_ms: Option<u64>,
}

impl From<Explanation> for Explained {
    fn from(explanation: Explanation) -> Self {
        let text = explanation.to_string();
        Self {
            key: explanation.key,
            held: explanation.held.map(HeldWire::from),
            is_absent: explanation.is_absent,
            is_loading: explanation.is_loading,
            last_miss: explanation.last_miss.map(MissWire::from),
            text,
        }
    }
}

impl From<Held> for HeldWire {
    fn from(held: Held) -> Self {
        Self {
            tier: match held.source {
                Source::Memory => "memory",
                Source::Disk => "disk",
                Source::Remote => "remote",
                _ => "other",
            },
            age_ms: millis(held.age),
            remaining_ms: held.remaining.map(millis),
            usable_stale_ms: held.usable_stale.map(millis),
            version: held.version,
            weight: held.weight,
            load_ms: held.load_cost.map(|cost| cost.as_secs_f64() * 1e3),
            tags: held.tags,
            etag: held.etag,
            at: held.at,
        }
    }
}

impl From<Miss> for MissWire {
    fn from(miss: Miss) -> Self {
        let (by, before) = match &miss.reason {
            MissReason::Invalidated { by, ago } => (Some(by.clone()), Some(millis(*ago))),
            _ => (None, None),
        };
        Self {
            reason: match miss.reason {
                MissReason::NeverLoaded => "never_loaded",
                MissReason::Expired => "expired",
                MissReason::Evicted => "evicted",
                MissReason::TooHeavy => "too_heavy",
                MissReason::Removed => "removed",
                MissReason::Invalidated { .. } => "invalidated",
                MissReason::Fenced => "fenced",
                MissReason::NoValue => "no_value",
                MissReason::LoadFailed => "load_failed",
                MissReason::NoLink => "no_link",
                MissReason::Undecodable => "undecodable",
                MissReason::TierDown => "tier_down",
                MissReason::OtherVersion => "other_version",
                _ => "other",
            },
            ago_ms: millis(miss.ago),
            by,
            before_ms: before,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
