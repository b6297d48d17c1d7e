//! `GET /logbook/{credential}/export/eln`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Binary, Credential, FilterQuery, ListQuery};
use crate::api::export::export_readable;
use crate::domain::filter::Parameters;
use crate::export::Format;
use crate::state::State;

#[utoipa::path(
    get, path = "/logbook/{credential}/export/eln", operation_id = "export_eln", tag = "exports", summary = "A logbook as .eln",
    description = "All entries that match, unless there is a `limit`.",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (
            status = 200,
            description = "A ZIP with RO-Crate metadata, which electronic laboratory notebooks exchange; with the history for whoever may read that",
            content((Binary = "application/vnd.eln+zip"))
        ),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn export_eln(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    export_readable(state.into_inner(), &caller, &query, Format::Eln).await
}
