//! `PATCH /logbook/{sessionId}/events`: gives several entries the same tags.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::document::{Always, BookQuery, Credential};
use crate::catalogue::{permissions, users};
use crate::domain::entry_content::{TagName, parsed, tags};
use crate::domain::filter::Filter;
use crate::domain::rendered_entry::EntryBody;
use crate::entries;
use crate::error::Error;
use crate::http::{PLAIN, body, book, json};
use crate::state::State;
use crate::store::entries::Scope;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Retagging)]
struct Body {
    #[serde(default)]
    event_ids: Vec<String>,
    #[serde(default)]
    tags: Vec<TagName>,
}

#[utoipa::path(
    patch, path = "/logbook/{credential}/events", operation_id = "retag_entries", tag = "entries",
    summary = "Tag several entries",
    params(Credential, BookQuery),
    request_body(content = Body, content_type = "application/json"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entries", body = Vec<EntryBody>),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "An entry is not in this logbook; none was changed", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released: its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn retag_entries(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<BookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let asked: Body = parsed(&body(payload, PLAIN).await?, "the body cannot be read")?;
    // Portals send all instruments of an investigation, separated by commas.
    let instrument = query.instrument_name.as_deref().and_then(|names| names.split(',').next());
    let book = book(query.investigation_id.as_deref(), instrument)?;
    permissions::write(&state, &caller, &book).await?;
    let scope = entries::scope(&mut state.db.read().await?, &book).await?;
    let closed = match &scope {
        Scope::Instrument(_) => {
            let filter = Filter { ids: Some(asked.event_ids.clone()), ..Filter::default() };
            permissions::closed_among(&state, &caller, &scope, &filter).await?
        }
        _ => Vec::new(),
    };
    if !closed.is_empty() {
        let text =
            "an entry belongs to an investigation that is released: its logbook can be read only; none was changed";
        return Err(Error::ClosedAmong(text).into());
    }
    let tags = tags(asked.tags.into_iter().map(|tag| tag.name))?;
    let actor = &caller.subject().icat_user_name;
    let changed = entries::retag(&state, &book, &scope, &asked.event_ids, &tags, actor).await?;
    let mut tx = state.db.read().await?;
    let mut answer = json(&entries::show_all(&state, &mut tx, &changed).await?);
    if let [entry] = changed.as_slice() {
        users::set_entity_tag(&mut answer, entry)?;
    }
    Ok(answer)
}
