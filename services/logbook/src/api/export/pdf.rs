//! `GET /logbook/{credential}/export/pdf`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Binary, Credential, FilterQuery, ListQuery};
use crate::api::export::export_readable;
use crate::domain::filter::Parameters;
use crate::export::Format;
use crate::state::State;

#[utoipa::path(
    get, path = "/logbook/{credential}/export/pdf", operation_id = "export_pdf", tag = "exports", summary = "A logbook as PDF",
    description = "All entries that match, unless there is a `limit`.",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (
            status = 200,
            description = "A report, the oldest entry first unless asked otherwise; a long one is a ZIP of several parts",
            content((Binary = "application/pdf"), (Binary = "application/zip"))
        ),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn export_pdf(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    export_readable(state.into_inner(), &caller, &query, Format::Pdf).await
}
