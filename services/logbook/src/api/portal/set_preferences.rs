//! `PUT /users/{sessionId}/preferences`: replaces what is sent and keeps the rest.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde_json::{Map, Value};
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::require_person;
use crate::http::{read_json, respond_json};
use crate::portal::preferences::Preferences;

/// The settings that a portal stores, and the name of the user.
#[derive(ToSchema)]
#[schema(as = Preferences)]
#[expect(dead_code, reason = "a JSON object that the portal defines")]
pub struct PreferencesBody {
    username: String,
    #[serde(flatten)]
    more: std::collections::HashMap<String, Value>,
}

#[utoipa::path(
    put, path = "/users/{credential}/preferences", operation_id = "set_preferences", tag = "portal",
    summary = "Change the caller's settings",
    params(Credential),
    request_body(content = PreferencesBody, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "All settings", body = PreferencesBody),
        (status = 403, description = "The credential is an API key", body = String, content_type = "text/plain"),
    ),
)]
pub async fn set_preferences(
    preferences: web::Data<Preferences>,
    caller: Caller,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let changed: Map<String, Value> = read_json(payload, "the body must be a JSON object").await?;
    Ok(respond_json(&preferences.update_preferences(require_person(&caller)?, changed).await?))
}
