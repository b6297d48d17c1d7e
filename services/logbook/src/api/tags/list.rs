//! `GET /logbook/{sessionId}/tag`: global tags, and those of an investigation and an instrument, used or not.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential, LogbookQuery};
use crate::api::tags::TagBody;
use crate::catalogue::permissions::Permissions;
use crate::domain::values::parse_number;
use crate::entries::TagDefinitions;
use crate::http::respond_json;

#[utoipa::path(
    get, path = "/logbook/{credential}/tag", operation_id = "list_tags", tag = "tags", summary = "List tags",
    params(Credential, LogbookQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "Tags", body = Vec<TagBody>),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list_tags(
    tags: web::Data<TagDefinitions>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<LogbookQuery>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_read(&caller, &query.parse_logbook()?).await?;
    let investigation = parse_number("investigationId", query.investigation_id.as_deref())?;
    let found = tags.list_tags(&logbook, investigation, query.instrument_name.as_deref()).await?;
    Ok(respond_json(&found.into_iter().map(TagBody::from).collect::<Vec<_>>()))
}
