//! `GET /logbook/{credential}/export/pdf`

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{Binary, CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::domain::list_parameters::{FilterQuery, ListParameters, ListQuery};
use crate::export::Exporter;
use crate::export::format::Format;

#[utoipa::path(
    get, path = "/logbook/{credential}/export/pdf", operation_id = "export_pdf", tag = "exports", summary = "Export a logbook as PDF",
    description = "All entries that match, or at most `limit` of them.",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (
            status = 200,
            description = "A report that starts with the oldest entry, unless `sortOrder` is given; a long report is \
                a ZIP of several files",
            content((Binary = "application/pdf"), (Binary = "application/zip"))
        ),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn export_pdf(
    exporter: web::Data<Exporter>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_read(&caller, &query.parse_logbook()?).await?;
    exporter.into_inner().export_entries(&caller, &logbook, &query, Format::Pdf).await
}
