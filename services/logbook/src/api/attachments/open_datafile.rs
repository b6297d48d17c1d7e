//! `GET /logbook/{sessionId}/datafile/open`: leads to the viewer of HDF5 files.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::IntoParams;

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::datafile_viewer::DatafileViewer;
use crate::domain::values::parse_number;
use crate::error::Error;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct DatafileQuery {
    #[param(value_type = i64)]
    investigation_id: Option<String>,
    /// Location of a datafile.
    #[param(value_type = String)]
    path: Option<String>,
    /// A place within the file.
    #[param(nullable = false)]
    scan: Option<String>,
}

#[utoipa::path(
    get, path = "/logbook/{credential}/datafile/open", operation_id = "open_datafile", tag = "attachments",
    summary = "Open a file in the viewer",
    params(Credential, DatafileQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 302, description = "Redirect to the viewer"),
        (status = 403, description = "Not allowed", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such datafile", body = String, content_type = "text/plain"),
        (status = 501, description = "No viewer is configured", body = String, content_type = "text/plain"),
    ),
)]
pub async fn open_datafile(
    viewer: web::Data<DatafileViewer>,
    caller: Caller,
    query: web::Query<DatafileQuery>,
) -> Result<HttpResponse, Problem> {
    let missing = |name: &str| Error::invalid(format!("{name} is missing"));
    let investigation = parse_number("investigationId", query.investigation_id.as_deref())?;
    let investigation = investigation.ok_or_else(|| missing("investigationId"))?;
    let location = query.path.as_deref().ok_or_else(|| missing("path"))?;
    let address = viewer.find_address(&caller, investigation, location, query.scan.as_deref()).await?;
    Ok(HttpResponse::Found().insert_header((LOCATION, address)).finish())
}
