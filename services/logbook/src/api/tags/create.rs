//! `POST /logbook/{sessionId}/tag`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, BookQuery, Credential};
use crate::api::tags::{Sent, TagBody};
use crate::catalogue::permissions;
use crate::domain::entry_content::parsed;
use crate::domain::{ids, names};
use crate::entries;
use crate::error::Error;
use crate::http::{PLAIN, body, book, json};
use crate::state::State;
use crate::store::tags;

#[utoipa::path(
    post, path = "/logbook/{credential}/tag", operation_id = "create_tag", tag = "tags", summary = "Define a tag",
    params(Credential, BookQuery),
    request_body(content = Sent, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The tag", body = TagBody),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 409, description = "There is a tag with this name", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released: its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_tag(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<BookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let sent: Sent = parsed(&body(payload, PLAIN).await?, "the body is no tag")?;
    let name = sent.name.filter(|name| !name.trim().is_empty()).ok_or_else(|| Error::bad("name is missing"))?;
    names::check_tag(&name)?;
    let book = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    permissions::write(&state, &caller, &book).await?;
    let id = ids::new(&*state.ids, state.clock.now());
    let tag = tags::Tag { id, description: sent.description, color: sent.color, ..entries::tag_of(&book, &name) };
    let added = state.db.write(async |tx| tags::add(tx, &tag).await).await?;
    if added { Ok(json(&TagBody::from(tag))) } else { Err(Error::TagTaken.into()) }
}
