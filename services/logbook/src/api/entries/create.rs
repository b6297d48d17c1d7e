//! `POST /logbook/{sessionId}/event`: a person writes.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, InvestigationQuery};
use crate::catalogue::{permissions, users};
use crate::domain::entry_content::{Event, Incoming};
use crate::domain::filter::number;
use crate::domain::logbook::Book;
use crate::domain::names;
use crate::domain::rendered_entry::EntryBody;
use crate::entries;
use crate::entries::NewEntry;
use crate::error::Error;
use crate::http::{PLAIN, body, json};
use crate::state::State;

#[utoipa::path(
    post, path = "/logbook/{credential}/event", operation_id = "create_entry", tag = "entries",
    summary = "Write an entry",
    params(Credential, InvestigationQuery),
    request_body(content = Incoming, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entry, on disk", body = EntryBody),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released: its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_entry(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<InvestigationQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let incoming = Incoming::parse(&body(payload, PLAIN).await?)?;
    let investigation = number("investigationId", query.investigation_id.as_deref())?;
    if let Some(instrument) = &incoming.instrument_name {
        names::check_instrument(instrument)?;
    }
    let book = Book::of(investigation, incoming.instrument_name.as_deref());
    permissions::write(&state, &caller, &book).await?;
    let mut event = Event::from_incoming(incoming, state.clock.now_micros(), &state.zone)?;
    if event.kind == "broadcast" {
        permissions::administer(&state, &caller).await?;
    }
    if event.kind == "notification" {
        return Err(Error::NotEditable.into());
    }
    users::sign(&state, &caller, &mut event).await;
    users::place(&state, &caller, &mut event, investigation).await;
    let actor = caller.subject().icat_user_name.clone();
    let entry = entries::create(&state, NewEntry { book, event, files: Vec::new(), late: false, actor }).await?;
    let mut tx = state.db.read().await?;
    let shown = entries::show(&state, &mut tx, &entry).await?;
    let mut answer = json(&shown);
    users::set_entity_tag(&mut answer, &entry)?;
    Ok(answer)
}
