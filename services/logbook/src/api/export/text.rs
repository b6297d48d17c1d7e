//! `GET /logbook/{credential}/export/txt`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, FilterQuery, ListQuery};
use crate::api::export::export_readable;
use crate::domain::filter::Parameters;
use crate::export::Format;
use crate::state::State;

#[utoipa::path(
    get, path = "/logbook/{credential}/export/txt", operation_id = "export_text", tag = "exports", summary = "A logbook as plain text",
    description = "All entries that match, unless there is a `limit`.",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (
            status = 200,
            description = "Entries one after the other",
            content((String = "text/plain"))
        ),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn export_text(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    export_readable(state.into_inner(), &caller, &query, Format::Text).await
}
