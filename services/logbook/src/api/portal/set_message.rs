//! `PUT /messages/{sessionId}/information`: an administrator sets a banner.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::portal::list_messages::Message;
use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::values::check_short_name;
use crate::error::Error;
use crate::http::{read_json, respond_json};
use crate::portal::banners::Banners;

/// A banner in a request.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewMessage)]
struct MessageBody {
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "INFORMATION")]
    kind: Option<String>,
    message: Option<String>,
}

#[utoipa::path(
    put, path = "/messages/{credential}/information", operation_id = "set_message", tag = "portal",
    summary = "Set a banner",
    params(Credential),
    request_body(content = MessageBody, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The banner", body = Message),
        (status = 403, description = "The caller is not an administrator", body = String, content_type = "text/plain"),
    ),
)]
pub async fn set_message(
    banners: web::Data<Banners>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let administrator = permissions.require_administrator(&caller).await?;
    let body: MessageBody = read_json(payload, "the body is no message").await?;
    let kind = body.kind.filter(|kind| !kind.is_empty()).ok_or_else(|| Error::invalid("type is missing"))?;
    check_short_name("type", &kind)?;
    let banner = banners.set_banner(administrator, kind, body.message).await?;
    Ok(respond_json(&Message::from(banner)))
}
