//! `GET /logbook/{credential}/export/csv`

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::IntoParams;

use crate::api::shared::{CommonFailures, Credential, FilterQuery, ListQuery};
use crate::catalogue::permissions::Permissions;
use crate::domain::filter::ListParameters;
use crate::export::Exporter;
use crate::export::format::Format;

/// Of a CSV.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "parsed as `ListParameters`")]
pub struct CsvQuery {
    /// Begins with a byte order mark, by which spreadsheets know UTF-8.
    #[param(nullable = false)]
    bom: Option<bool>,
}

#[utoipa::path(
    get, path = "/logbook/{credential}/export/csv", operation_id = "export_csv", tag = "exports", summary = "A logbook as CSV",
    description = "All entries that match, unless there is a `limit`.",
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
    exporter.into_inner().export(&caller, &logbook, &query, Format::Csv { has_byte_order_mark: false }).await
}
