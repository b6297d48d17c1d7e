//! `POST /logbook/{sessionId}/import`: entries from an `.eln` that a logbook has exported.

use std::io::{Seek as _, Write as _};

use actix_web::{HttpResponse, web};
use futures_util::StreamExt as _;
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Binary, BookQuery, Credential};
use crate::catalogue::investigation_assignment::Bound;
use crate::catalogue::{investigation_assignment, permissions};
use crate::domain::logbook::Book;
use crate::error::Error;
use crate::http::{book, in_time, json};
use crate::import;
use crate::import::Imported;
use crate::state::State;

#[utoipa::path(
    post, path = "/logbook/{credential}/import", operation_id = "import_entries", tag = "exports",
    summary = "Import an .eln",
    description = "Entries keep their times, authors and attachments, so this is for administrators; the records say who \
        imported them. The archive is checked to its end before anything is written; the same archive again adds nothing.",
    params(Credential, BookQuery),
    request_body(content = Binary, content_type = "application/vnd.eln+zip"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "How many entries were new, and how many were there", body = Imported),
        (status = 403, description = "For administrators", body = String, content_type = "text/plain"),
        (status = 422, description = "The archive is not whole or not of a logbook, or the logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn import_entries(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<BookQuery>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    permissions::administer(&state, &caller).await?;
    let book = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    if book == Book::Facility {
        return Err(Error::bad("say into which logbook: investigationId=… or instrumentName=…").into());
    }
    permissions::write(&state, &caller, &book).await?;
    if let Book::Investigation(id) = book
        && investigation_assignment::bind_to(&state, id).await == Bound::Unknown
    {
        return Err(Error::bad(format!("there is no investigation {id}")).into());
    }
    let most = state.config.largest_import.as_u64();
    let mut file = state.attachments.scratch(&*state.ids).await?;
    let mut bytes = 0;
    while let Some(piece) = in_time(&state, payload.next()).await? {
        let piece = piece.map_err(|e| Error::bad(format!("the body broke off: {e}")))?;
        bytes += piece.len() as u64;
        if bytes > most {
            return Err(Error::TooLarge(most).into());
        }
        let written = state.documents.run_queued(move || file.write_all(&piece).map(|()| file));
        file = written.await?.map_err(Error::Storage)?;
    }
    file.rewind().map_err(Error::Storage)?;
    let imported = import::import(&state, &book, file, &caller.subject().icat_user_name).await?;
    Ok(json(&imported))
}
