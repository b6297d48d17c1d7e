//! `GET /logbook/{credential}/export/csv`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, CsvQuery, FilterQuery, ListQuery};
use crate::api::export::export_readable;
use crate::domain::filter::Parameters;
use crate::export::Format;
use crate::state::State;

#[utoipa::path(
    get, path = "/logbook/{credential}/export/csv", operation_id = "export_csv", tag = "exports", summary = "A logbook as CSV",
    description = "All entries that match, unless there is a `limit`.",
    params(Credential, FilterQuery, ListQuery, CsvQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (
            status = 200,
            description = "One line per entry",
            content((String = "text/csv"))
        ),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn export_csv(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    export_readable(state.into_inner(), &caller, &query, Format::Csv { has_byte_order_mark: false }).await
}
