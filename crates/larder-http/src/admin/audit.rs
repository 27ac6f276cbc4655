//! `/v1/audit`: what was changed by request.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::gateway::Gateway;

#[utoipa::path(
    get, path = "/v1/audit", tag = "audit",
    security(("token" = [])),
    responses((status = OK, description = "The newest 1,000 changes that an operator or an admin asked for, of caches and of services, the newest first, refused ones too (admin)."))
)]
pub(crate) async fn audit(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    let told = gateway.audit.tell();
    Json(json!({
        "actions": told.actions,
        "dropped": told.dropped,
        "unreadable": told.unreadable,
    }))
}
