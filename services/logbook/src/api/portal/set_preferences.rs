//! `PUT /users/{sessionId}/preferences`: replaces what is sent and keeps the rest.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde_json::{Map, Value};
use service_kit::{DbError, Problem};

use crate::api::document::{Always, Credential, Preferences};
use crate::catalogue::{permissions, users};
use crate::domain::entry_content::parsed;
use crate::domain::ids;
use crate::http::{PLAIN, body, json};
use crate::state::State;
use crate::store::preferences;

#[utoipa::path(
    put, path = "/users/{credential}/preferences", operation_id = "set_preferences", tag = "portal",
    summary = "Change the caller's settings",
    params(Credential),
    request_body(content = Preferences, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "All settings", body = Preferences),
        (status = 403, description = "An API key", body = String, content_type = "text/plain"),
    ),
)]
pub async fn set_preferences(
    state: web::Data<State>,
    caller: Caller,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let sent: Map<String, Value> = parsed(&body(payload, PLAIN).await?, "the body must be a JSON object")?;
    permissions::person(&caller)?;
    let user = &caller.subject().icat_user_name;
    let fresh = ids::new(&*state.ids, state.clock.now());
    let stored = state
        .db
        .write(async |tx| {
            let known = preferences::get(tx, user).await?;
            let (id, mut all) = match known {
                Some((id, body)) => (id, serde_json::from_str(&body).unwrap_or_default()),
                None => (fresh.clone(), Map::new()),
            };
            all.extend(sent.clone());
            // Nobody sets them for somebody else.
            all.insert("username".to_owned(), users::short(user).into());
            all.remove("_id");
            preferences::set(tx, user, &id, &Value::Object(all.clone()).to_string()).await?;
            all.insert("_id".to_owned(), id.into());
            Ok::<_, DbError>(all)
        })
        .await?;
    Ok(json(&Value::Object(stored)))
}
