//! `GET /logbook/{sessionId}/tag`: global tags, and those of an investigation and an instrument, used or not.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, BookQuery, Credential};
use crate::api::tags::TagBody;
use crate::catalogue::permissions;
use crate::domain::filter::number;
use crate::domain::logbook::Book;
use crate::http::{book, json};
use crate::state::State;
use crate::store::tags;

#[utoipa::path(
    get, path = "/logbook/{credential}/tag", operation_id = "list_tags", tag = "tags", summary = "Tags of a logbook",
    params(Credential, BookQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Tags", body = Vec<TagBody>),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list_tags(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<BookQuery>,
) -> Result<HttpResponse, Problem> {
    let asked = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    permissions::read(&state, &caller, &asked).await?;
    let investigation = number("investigationId", query.investigation_id.as_deref())?;
    let scope = |book: Option<Book>| book.map_or_else(|| "global".to_owned(), |book| tags::scope(&book));
    let first = scope(investigation.map(Book::Investigation));
    let second = scope(query.instrument_name.as_deref().map(|name| Book::of(None, Some(name))));
    let found = tags::list(&mut state.db.read().await?, &first, &second).await?;
    Ok(json(&found.into_iter().map(TagBody::from).collect::<Vec<_>>()))
}
