//! `PUT /logbook/{sessionId}/event/restore`: shows hidden entries again.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, EntryQuery, FilterQuery, ListQuery};
use crate::domain::filter::Parameters;
use crate::domain::rendered_entry::EntryBody;
use crate::state::State;

#[utoipa::path(
    put, path = "/logbook/{credential}/event/restore", operation_id = "restore_entries", tag = "entries",
    summary = "Show hidden entries",
    description = "All entries that match: with nothing but a logbook, the whole logbook. A parameter that is not listed is \
        refused, so that a mistyped one is not the whole logbook either. It is one record of the logbook's history.",
    params(Credential, FilterQuery, ListQuery, EntryQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The entries that were changed", body = Vec<EntryBody>),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
        (status = 422, description = "The investigation is released: its logbook is closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn restore_entries(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    super::set_removed(&state, &caller, &request, &query, false).await
}
