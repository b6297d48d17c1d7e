//! `GET /users/{sessionId}/preferences`: what the caller has set in the portal.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde_json::{Map, Value};
use service_kit::Problem;

use crate::api::document::{Always, Credential, Preferences};
use crate::catalogue::{permissions, users};
use crate::http::json;
use crate::state::State;
use crate::store::preferences;

#[utoipa::path(
    get, path = "/users/{credential}/preferences", operation_id = "get_preferences", tag = "portal",
    summary = "The caller's settings",
    params(Credential),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "At least the user's name", body = Preferences),
        (status = 403, description = "An API key", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get_preferences(state: web::Data<State>, caller: Caller) -> Result<HttpResponse, Problem> {
    permissions::person(&caller)?;
    let user = &caller.subject().icat_user_name;
    let stored = preferences::get(&mut state.db.read().await?, user).await?;
    let mut shown = Map::from_iter([("username".to_owned(), Value::from(users::short(user)))]);
    if let Some((id, body)) = stored {
        shown.extend(serde_json::from_str::<Map<String, Value>>(&body).map_err(Problem::internal)?);
        shown.insert("_id".to_owned(), id.into());
    }
    Ok(json(&Value::Object(shown)))
}
