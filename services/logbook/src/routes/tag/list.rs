//! `GET /logbook/{sessionId}/tag`: global tags, and those of an investigation and an instrument, used or not.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use super::TagBody;
use crate::domain::book::Book;
use crate::domain::filter::number;
use crate::openapi::{Always, BookQuery, Credential};
use crate::rights;
use crate::routes::request::{book, json};
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
pub async fn get(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<BookQuery>,
) -> Result<HttpResponse, Problem> {
    let asked = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    rights::read(&state, &caller, &asked).await?;
    let investigation = number("investigationId", query.investigation_id.as_deref())?;
    let scope = |book: Option<Book>| book.map_or_else(|| "global".to_owned(), |book| tags::scope(&book));
    let first = scope(investigation.map(Book::Investigation));
    let second = scope(query.instrument_name.as_deref().map(|name| Book::of(None, Some(name))));
    let found = tags::list(&mut state.db.read().await?, &first, &second).await?;
    Ok(json(&found.into_iter().map(TagBody::from).collect::<Vec<_>>()))
}
