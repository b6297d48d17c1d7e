//! `GET /users/{sessionId}/preferences`: what the caller has set in the portal.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::portal::set_preferences::PreferencesBody;
use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::require_person;
use crate::http::respond_json;
use crate::portal::preferences::Preferences;

#[utoipa::path(
    get, path = "/users/{credential}/preferences", operation_id = "get_preferences", tag = "portal",
    summary = "Get the caller's settings",
    params(Credential),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The settings; at least the name of the user", body = PreferencesBody),
        (status = 403, description = "The credential is an API key", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get_preferences(preferences: web::Data<Preferences>, caller: Caller) -> Result<HttpResponse, Problem> {
    Ok(respond_json(&preferences.get(require_person(&caller)?).await?))
}
