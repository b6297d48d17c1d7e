//! `GET /logbook/{credential}/export/csv`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::list_parameters::{CsvQuery, FilterQuery, ListParameters, ListQuery};
use crate::export::Exporter;
use crate::export::format::Format;

#[utoipa::path(
    get, path = "/logbook/{credential}/export/csv", operation_id = "export_csv", tag = "exports", summary = "Export a logbook as CSV",
    description = "All entries that match, or at most `limit` of them.",
    params(Credential, FilterQuery, ListQuery, CsvQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (
            status = 200,
            description = "One line per entry",
            content((String = "text/csv"))
        ),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn export_csv(
    exporter: web::Data<Exporter>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_read(&caller, &query.parse_logbook()?).await?;
    exporter.into_inner().export_entries(&caller, &logbook, &query, Format::Csv { has_byte_order_mark: false }).await
}
