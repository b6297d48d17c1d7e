//! `PUT /logbook/{sessionId}/tag`: another name, description or colour. Entries that have the tag keep the name they were
//! written with.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::IntoParams;

use crate::api::shared::{CommonFailures, Credential};
use crate::api::tags::{NewTag, TagBody};
use crate::catalogue::permissions::Permissions;
use crate::domain::logbook::Logbook;
use crate::domain::values::check_tag_name;
use crate::entries::TagDefinitions;
use crate::error::Error;
use crate::http::{read_json, respond_json};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct TagQuery {
    #[param(value_type = String)]
    tag_id: Option<String>,
    #[param(nullable = false, value_type = Option<i64>)]
    #[expect(dead_code, reason = "clients send it; the tag says to whom it belongs")]
    investigation_id: Option<String>,
}

#[utoipa::path(
    put, path = "/logbook/{credential}/tag", operation_id = "update_tag", tag = "tags", summary = "Update a tag",
    params(Credential, TagQuery),
    request_body(content = NewTag, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "The tag", body = TagBody),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such tag", body = String, content_type = "text/plain"),
        (status = 409, description = "Another tag has this name", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released, so its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn update_tag(
    tags: web::Data<TagDefinitions>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<TagQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let changed: NewTag = read_json(payload, "the body is no tag").await?;
    let id = query.into_inner().tag_id.ok_or_else(|| Error::invalid("tagId is missing"))?;
    let mut tag = tags.get(&id).await?.ok_or(Error::NoSuchTag(id))?;
    let logbook = Logbook::from_ids(tag.investigation_id, tag.beamline.as_deref());
    let logbook = permissions.require_write(&caller, &logbook).await?;
    tag.name = changed.name.filter(|name| !name.trim().is_empty()).unwrap_or(tag.name);
    check_tag_name(&tag.name)?;
    tag.description = changed.description.or(tag.description);
    tag.color = changed.color.or(tag.color);
    tags.update_tag(&logbook, &tag).await?;
    Ok(respond_json(&TagBody::from(tag)))
}
