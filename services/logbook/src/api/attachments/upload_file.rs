//! `POST /resource/{sessionId}/file/upload`: a page attaches a file.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, BookQuery, Credential, UploadForm};
use crate::attachments::uploads;
use crate::catalogue::{permissions, users};
use crate::domain::entry_content::Event;
use crate::domain::filter::number;
use crate::domain::rendered_entry::EntryBody;
use crate::entries;
use crate::entries::NewEntry;
use crate::http::{book, json};
use crate::state::State;

#[utoipa::path(
    post, path = "/resource/{credential}/file/upload", operation_id = "upload_file", tag = "attachments",
    summary = "Attach a file",
    params(Credential, BookQuery),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entry, on disk", body = EntryBody),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released: its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn upload_file(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<BookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let book = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    permissions::write(&state, &caller, &book).await?;
    let (filename, stored) = uploads::receive(&state, &request, payload).await?;
    let mut event = Event::attachment(state.clock.now_micros());
    event.instrument_name = query.instrument_name.clone();
    users::sign(&state, &caller, &mut event).await;
    let investigation = number("investigationId", query.investigation_id.as_deref())?;
    users::place(&state, &caller, &mut event, investigation).await;
    let file = uploads::told(&state, stored, filename, &mut event);
    let actor = caller.subject().icat_user_name.clone();
    let entry = entries::create(&state, NewEntry { book, event, files: vec![file], late: false, actor }).await?;
    let mut tx = state.db.read().await?;
    Ok(json(&entries::show(&state, &mut tx, &entry).await?))
}
