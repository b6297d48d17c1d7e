//! `PUT /logbook/{sessionId}/event`: another version. The body wraps the event; with `If-Match` it must be the version that the
//! writer has seen.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::document::{Always, Credential, InvestigationQuery};
use crate::catalogue::{permissions, users};
use crate::domain::entry_content::{Event, Incoming, parsed};
use crate::domain::filter::number;
use crate::domain::rendered_entry::EntryBody;
use crate::error::Error;
use crate::http::{PLAIN, body, json, parse_if_match};
use crate::state::State;
use crate::{entries, store};

#[derive(Deserialize, ToSchema)]
#[schema(as = ChangedEntry)]
struct Wrapped {
    event: Incoming,
}

#[utoipa::path(
    put, path = "/logbook/{credential}/event", operation_id = "update_entry", tag = "entries",
    summary = "Change an entry",
    params(
        Credential,
        InvestigationQuery,
        ("If-Match" = Option<String>, Header, description = "The ETag of the version that was read; without it the last writer wins"),
    ),
    request_body(content = Wrapped, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entry; the same values again make no new version", body = EntryBody),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such entry in this logbook", body = String, content_type = "text/plain"),
        (status = 412, description = "The entry has been changed meanwhile", body = String, content_type = "text/plain"),
        (status = 422, description = "The logbook is closed, or the entry is a notification", body = String, content_type = "text/plain"),
    ),
)]
pub async fn update_entry(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<InvestigationQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let wrapped: Wrapped = parsed(&body(payload, PLAIN).await?, "the body must be {\"event\": …}")?;
    let id = wrapped.event.id.clone().ok_or_else(|| Error::bad("event._id is missing"))?;
    let investigation = number("investigationId", query.investigation_id.as_deref())?;
    let missing = || Error::NoSuchEntry(id.clone());
    let stored = store::entries::get(&mut state.db.read().await?, &id).await?.ok_or_else(missing)?;
    if investigation.is_some_and(|id| stored.event.investigation_id != Some(id)) {
        return Err(missing().into());
    }
    permissions::write(&state, &caller, &stored.book).await?;
    let event = Event::from_incoming(wrapped.event, stored.event.at, &state.zone)?;
    if event.kind != stored.event.kind {
        match event.kind.as_str() {
            "notification" => return Err(Error::NotEditable.into()),
            "broadcast" => permissions::administer(&state, &caller).await?,
            _ => {}
        }
    }
    let entry = entries::change(&state, &caller, &stored, &event, parse_if_match(&request)?).await?;
    let mut tx = state.db.read().await?;
    let shown = entries::show(&state, &mut tx, &entry).await?;
    let mut answer = json(&shown);
    users::set_entity_tag(&mut answer, &entry)?;
    Ok(answer)
}
