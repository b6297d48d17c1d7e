//! `POST /logbook/{sessionId}/event/createfrombase64`: a photograph from a phone.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, BookQuery, Credential, FromBase64};
use crate::attachments::uploads;
use crate::catalogue::{permissions, users};
use crate::domain::entry_content::Event;
use crate::domain::filter::number;
use crate::domain::rendered_entry::EntryBody;
use crate::entries;
use crate::entries::NewEntry;
use crate::http::{body, book, json, with_file};
use crate::state::State;

#[utoipa::path(
    post, path = "/logbook/{credential}/event/createfrombase64", operation_id = "create_entry_from_base64", tag = "attachments",
    summary = "Attach a file given as base64",
    params(Credential, BookQuery),
    request_body(content = FromBase64, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entry, on disk", body = EntryBody),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released: its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_entry_from_base64(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<BookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let book = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    permissions::write(&state, &caller, &book).await?;
    let asked = FromBase64::parse(&body(payload, with_file(&state)).await?)?;
    let mut event = Event::attachment(state.clock.now_micros());
    event.instrument_name = query.instrument_name.clone();
    users::sign(&state, &caller, &mut event).await;
    let investigation = number("investigationId", query.investigation_id.as_deref())?;
    users::place(&state, &caller, &mut event, investigation).await;
    let file = uploads::from_base64(&state, asked.base64.as_deref(), &mut event).await?;
    let actor = caller.subject().icat_user_name.clone();
    let entry = entries::create(&state, NewEntry { book, event, files: vec![file], late: false, actor }).await?;
    let mut tx = state.db.read().await?;
    Ok(json(&entries::show(&state, &mut tx, &entry).await?))
}
