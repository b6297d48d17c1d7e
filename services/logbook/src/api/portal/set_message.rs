//! `PUT /messages/{sessionId}/information`: an administrator sets a banner.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::document::{Always, Credential};
use crate::api::portal::list_messages::Message;
use crate::catalogue::permissions;
use crate::domain::entry_content::parsed;
use crate::domain::{ids, names};
use crate::error::Error;
use crate::http::{PLAIN, body, json};
use crate::state::State;
use crate::store::banners;
use crate::store::banners::Banner;

/// A banner as a client sends it.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewMessage)]
struct Sent {
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "INFORMATION")]
    kind: Option<String>,
    message: Option<String>,
}

#[utoipa::path(
    put, path = "/messages/{credential}/information", operation_id = "set_message", tag = "portal",
    summary = "Set a banner",
    params(Credential),
    request_body(content = Sent, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The banner", body = Message),
        (status = 403, description = "For administrators", body = String, content_type = "text/plain"),
    ),
)]
pub async fn set_message(
    state: web::Data<State>,
    caller: Caller,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    permissions::administer(&state, &caller).await?;
    let sent: Sent = parsed(&body(payload, PLAIN).await?, "the body is no message")?;
    let kind = sent.kind.filter(|kind| !kind.is_empty()).ok_or_else(|| Error::bad("type is missing"))?;
    names::check_short("type", &kind)?;
    let new = Banner { id: ids::new(&*state.ids, state.clock.now()), kind, message: sent.message };
    let stored = state
        .db
        .write(async |tx| {
            banners::set(tx, &new).await?;
            let all = banners::list(tx).await?;
            Ok::<_, service_kit::DbError>(all.into_iter().find(|banner| banner.kind == new.kind))
        })
        .await?;
    Ok(json(&Message::from(stored.unwrap_or(new))))
}
