//! `GET /logbook/{sessionId}/events/stream`: what is written from now on, or since a record that the reader has, as
//! server-sent events.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::IntoParams;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::list_parameters::{FilterQuery, ListParameters, ListQuery};
use crate::entries::lists::EntryLists;
use crate::stream::EntryStreams;
use crate::stream::listener::respond_with_stream;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// The same as `Last-Event-ID`, for clients that cannot send this header.
    #[param(nullable = false)]
    after: Option<String>,
}

#[utoipa::path(
    get, path = "/logbook/{credential}/events/stream", operation_id = "stream_entries", tag = "entries",
    summary = "Stream entries as they are written",
    description = "Server-sent events with the names of the kinds of records: `created`, `changed`, `removed`, \
        `restored`, `tagged`, `moved-out`, `moved-in`, `closed`. Their data is `{\"record\", \"book\", \"kind\", \
        \"at\", \"entries\", \"gone\", \"many\"}`: `entries` are the changed entries that match, `gone` the ids of \
        entries that no longer match; `many` means that too many entries were changed, so the list has to be read \
        again. The first event is `ready`, or `reset` if the given number does not belong to this logbook; `end` \
        means that the caller may no longer read the logbook. The stream of an instrument includes the logbooks of \
        its investigations. `sortBy`, `sortOrder`, `skip`, `limit` and `format` are ignored.",
    params(
        Credential,
        FilterQuery, ListQuery,
        StreamQuery,
        ("Last-Event-ID" = Option<i64>, Header, description = "The last `id` that was received; the stream continues after it"),
    ),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "A stream of events that stays open", body = String, content_type = "text/event-stream"),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn stream_entries(
    streams: web::Data<EntryStreams>,
    lists: web::Data<EntryLists>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<ListParameters>,
    position: web::Query<StreamQuery>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_read(&caller, &query.parse_logbook()?).await?;
    let filter = lists.parse_filter(&query)?;
    let after = position.after.as_deref();
    respond_with_stream(streams.into_inner(), caller, &logbook, filter, &request, after).await
}
