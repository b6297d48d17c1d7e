//! `PUT /logbook/{sessionId}/tag`: another name, description or colour. Entries that have the tag keep the name they were
//! written with.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::{DbError, Problem};
use utoipa::IntoParams;

use crate::api::document::{Always, Credential};
use crate::api::tags::{Sent, TagBody};
use crate::catalogue::permissions;
use crate::domain::entry_content::parsed;
use crate::domain::logbook::Book;
use crate::domain::names;
use crate::error::Error;
use crate::http::{PLAIN, body, json};
use crate::state::State;
use crate::store::tags;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    #[param(value_type = String)]
    tag_id: Option<String>,
    #[param(nullable = false, value_type = Option<i64>)]
    #[expect(dead_code, reason = "clients send it; the tag says to whom it belongs")]
    investigation_id: Option<String>,
}

#[utoipa::path(
    put, path = "/logbook/{credential}/tag", operation_id = "update_tag", tag = "tags", summary = "Change a tag",
    params(Credential, Query),
    request_body(content = Sent, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The tag", body = TagBody),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such tag", body = String, content_type = "text/plain"),
        (status = 409, description = "Another tag has this name", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released: its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn update_tag(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Query>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let sent: Sent = parsed(&body(payload, PLAIN).await?, "the body is no tag")?;
    let id = query.into_inner().tag_id.ok_or_else(|| Error::bad("tagId is missing"))?;
    let found = tags::get(&mut state.db.read().await?, &id).await?;
    let mut tag = found.ok_or(Error::NoSuchTag(id))?;
    let book = Book::of(tag.investigation_id, tag.beamline.as_deref());
    permissions::write(&state, &caller, &book).await?;
    tag.name = sent.name.filter(|name| !name.trim().is_empty()).unwrap_or(tag.name);
    names::check_tag(&tag.name)?;
    tag.description = sent.description.or(tag.description);
    tag.color = sent.color.or(tag.color);
    match state.db.write(async |tx| tags::change(tx, &tag).await).await {
        Err(DbError::Unique(_)) => Err(Error::TagTaken.into()),
        changed => Ok(changed.map(|()| json(&TagBody::from(tag)))?),
    }
}
