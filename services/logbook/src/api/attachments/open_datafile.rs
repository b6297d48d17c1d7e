//! `GET /logbook/{sessionId}/datafile/open`: leads to the viewer of HDF5 files.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use icat_client::client::quote_string;
use identity::Caller;
use serde::Deserialize;
use service_kit::{Code, Problem};
use utoipa::IntoParams;

use crate::api::document::{Always, Credential};
use crate::domain::filter::number;
use crate::error::Error;
use crate::state::State;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Query {
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
    params(Credential, Query),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 302, description = "To the viewer"),
        (status = 403, description = "Not allowed", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such datafile", body = String, content_type = "text/plain"),
        (status = 501, description = "No viewer is set up", body = String, content_type = "text/plain"),
    ),
)]
pub async fn open_datafile(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let missing = |name: &str| Error::bad(format!("{name} is missing"));
    let investigation =
        number("investigationId", query.investigation_id.as_deref())?.ok_or_else(|| missing("investigationId"))?;
    let path = query.path.as_deref().ok_or_else(|| missing("path"))?;
    if state.config.h5_viewer.is_empty() {
        let text = "no viewer of HDF5 files is set up: logbook.h5_viewer";
        return Err(Problem::new(Code::NotImplemented, "logbook/no-viewer", text));
    }
    let Some(session) = caller.session() else {
        return Err(Error::Forbidden("files are opened with a session".to_owned()).into());
    };
    let question = format!(
        "SELECT f.id FROM Datafile f WHERE f.location = {} AND f.dataset.investigation.id = {investigation}",
        quote_string(path)
    );
    let found = state.identity.icat().search_rows(session.expose(), &question).await.map_err(|e| {
        Problem::new(Code::Unavailable, "logbook/icat-down", "ICAT does not answer; try again later").with_source(e)
    })?;
    let id = found.first().and_then(serde_json::Value::as_i64);
    let id = id.ok_or_else(|| Problem::new(Code::NotFound, "logbook/no-datafile", format!("no datafile {path}")))?;
    let mut parameters = vec![("file", id.to_string())];
    parameters.extend(query.scan.as_deref().map(|scan| ("path", format!("/{scan}"))));
    let mut address = reqwest::Url::parse(&state.config.h5_viewer).map_err(Problem::internal)?;
    address.query_pairs_mut().extend_pairs(parameters);
    Ok(HttpResponse::Found().insert_header((LOCATION, address.to_string())).finish())
}
