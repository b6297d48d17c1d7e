//! `POST /logbook/{sessionId}/tag`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential, LogbookQuery};
use crate::api::tags::{NewTag, TagBody};
use crate::catalogue::permissions::Permissions;
use crate::domain::values::check_tag_name;
use crate::entries::TagDefinitions;
use crate::entries::tag_definitions::TagValues;
use crate::error::Error;
use crate::http::{read_json, respond_json};

#[utoipa::path(
    post, path = "/logbook/{credential}/tag", operation_id = "create_tag", tag = "tags", summary = "Create a tag",
    params(Credential, LogbookQuery),
    request_body(content = NewTag, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The tag", body = TagBody),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 409, description = "There is a tag with this name", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released, so its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_tag(
    tags: web::Data<TagDefinitions>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<LogbookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let NewTag { name, description, color } = read_json(payload, "the body is no tag").await?;
    let name = name.filter(|name| !name.trim().is_empty()).ok_or_else(|| Error::invalid("name is missing"))?;
    check_tag_name(&name)?;
    let logbook = permissions.require_write(&caller, &query.parse_logbook()?).await?;
    let tag = tags.create_tag(&logbook, TagValues { name, description, color }).await?;
    Ok(respond_json(&TagBody::from(tag)))
}
