//! `GET /logbook/{sessionId}/events/stream`: what is written from now on, or since a record that the reader has, as
//! server-sent events.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, FilterQuery, ListQuery, StreamQuery};
use crate::catalogue::permissions;
use crate::domain::filter::{Parameters, number};
use crate::error::Error;
use crate::http::book_of;
use crate::state::State;
use crate::stream::{Key, Reader};

#[utoipa::path(
    get, path = "/logbook/{credential}/events/stream", operation_id = "stream_entries", tag = "entries",
    summary = "What is written, as it is written",
    description = "Server-sent events named as the kinds of records: `created`, `changed`, `removed`, `restored`, `tagged`, \
        `moved-out`, `moved-in`, `closed`. Their data is `{\"record\", \"book\", \"kind\", \"at\", \"entries\", \"gone\", \
        \"many\"}`: `entries` are those that match now, `gone` the ids of those that do not any more; `many` says that too many \
        were changed to be sent, so that the list has to be read again. The first event is `ready`, or `reset` if the given \
        number is not of this logbook; `end` says that the caller may not read any more. For an instrument also what is \
        written in the logbooks of its investigations. `sortBy`, `sortOrder`, `skip`, `limit` and `format` do not count.",
    params(
        Credential,
        FilterQuery, ListQuery,
        StreamQuery,
        ("Last-Event-ID" = Option<i64>, Header, description = "The last `id` that was received: everything after it comes"),
    ),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Events without an end", body = String, content_type = "text/event-stream"),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn stream_entries(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<Parameters>,
    place: web::Query<StreamQuery>,
) -> Result<HttpResponse, Problem> {
    let book = book_of(&query)?;
    permissions::read(&state, &caller, &book).await?;
    let key = Key { book, filter: query.filter(&state.zone)? };
    answer(state.into_inner(), caller, key, &request, place.after.as_deref()).await
}

/// The stream, after the record that the request names.
pub async fn answer(
    state: Arc<State>,
    caller: Caller,
    key: Key,
    request: &HttpRequest,
    after: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let header = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let after = number("Last-Event-ID", header.or(after))?;
    if after.is_some_and(|after| after < 0) {
        return Err(Error::bad("Last-Event-ID must be an id of this stream").into());
    }
    let reader = Reader::open(state, caller, key, after).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", "text/event-stream"))
        .insert_header(("cache-control", "no-store"))
        // nginx would keep events back until its buffer is full.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(reader.stream()))
}
