//! `/v1/config`: the settings that the program runs with, as far as it told them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use crate::gateway::Gateway;

/// A setting, for [`Gateway::settings`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// Its value as a text, without what is secret of it; `None` if it has none, or all of it is secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: String,
    /// Whether it has more than is told here: a password.
    pub is_masked: bool,
}

#[utoipa::path(
    get, path = "/v1/config", tag = "status",
    responses((status = OK, description = "Every setting with its value and where that comes from; what is secret is masked."))
)]
pub(crate) async fn config(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    Json(json!({ "settings": gateway.settings }))
}
