//! `POST /resource/{sessionId}/file/upload`: a page attaches a file.

use actix_multipart::Multipart;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use identity::Caller;
use service_kit::Problem;

use crate::attachments::Stored;
use crate::domain::event::Event;
use crate::domain::filter::number;
use crate::entries::{self, NewEntry};
use crate::error::Error;
use crate::openapi::{Always, BookQuery, Entry, UploadForm};
use crate::routes::request::{book, in_time, json};
use crate::state::State;
use crate::{files, people, rights};

/// Bytes; more than file systems have. The name stands in a header when the file is sent, three times as long there.
const LONGEST_NAME: usize = 1000;

#[utoipa::path(
    post, path = "/resource/{credential}/file/upload", operation_id = "upload_file", summary = "Attach a file",
    params(("credential" = String, Path, description = "A session id, or a key where programs write"), BookQuery),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        Always,
        (status = 200, description = "The entry, on disk", body = Entry),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 413, description = "The file is too large", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released: its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn post(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<BookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let book = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    rights::write(&state, &caller, &book).await?;
    let (filename, stored) = first_file(&state, &request, payload).await?;
    let mut event = Event::attachment(state.clock.now_micros());
    event.instrument_name = query.instrument_name.clone();
    people::sign(&state, &caller, &mut event).await;
    let investigation = number("investigationId", query.investigation_id.as_deref())?;
    people::place(&state, &caller, &mut event, investigation).await;
    let file = files::told(&state, stored, filename, &mut event);
    let actor = caller.subject().icat_user_name.clone();
    let entry = entries::create(&state, NewEntry { book, event, files: vec![file], late: false, actor }).await?;
    let mut tx = state.db.read().await?;
    Ok(json(&entries::show(&state, &mut tx, &entry).await?))
}

/// The first part that is a file, whatever its name; other parts are passed over.
async fn first_file(
    state: &State,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(Option<String>, Stored), Problem> {
    let most = state.config.largest_attachment.as_u64();
    let broken = |e: actix_multipart::MultipartError| Error::bad(format!("the upload is broken: {e}"));
    let mut parts = Multipart::new(request.headers(), payload);
    while let Some(part) = in_time(state, parts.next()).await? {
        let mut part = part.map_err(broken)?;
        let filename = part.content_disposition().and_then(|d| d.get_filename()).map(str::to_owned);
        let Some(filename) = filename else { continue };
        if filename.len() > LONGEST_NAME {
            return Err(Error::bad(format!("the name of a file may have {LONGEST_NAME} bytes")).into());
        }
        let mut upload = state.attachments.begin(&*state.ids).await?;
        while let Some(piece) = in_time(state, part.next()).await? {
            upload.write(piece.map_err(broken)?.to_vec()).await?;
            if upload.bytes() > most {
                return Err(Error::TooLarge(most).into());
            }
        }
        return Ok((Some(filename), state.attachments.finish(state, upload).await?));
    }
    Err(Error::bad("the upload has no file").into())
}
