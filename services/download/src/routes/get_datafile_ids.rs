//! `GET /ids/getDatafileIds` → `{"ids":[…]}`, with the options of a prepared selection.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use service_kit::Problem;

use super::caller::resolve_selection;
use super::parameters::Parameters;
use super::responses::json_response;
use super::wire_types::{Always, DatafileIds, Failure, SelectionQuery};
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/getDatafileIds", operation_id = "get_datafile_ids", tag = "data",
    summary = "List the datafile ids of a selection",
    params(SelectionQuery),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "Ascending", body = DatafileIds),
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn get_datafile_ids(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::from_query(&request)?;
    if let Some(id) = parameters.prepared_id()? {
        let (prepared, manifest) = state.prepared_selections.load_with_manifest(id).await?;
        let ids: Vec<i64> = manifest.sources.iter().map(|source| source.datafile).collect();
        let body = json!({"zip": prepared.zip, "compress": prepared.compress, "ids": ids});
        return Ok(json_response(body.to_string()));
    }
    let files = resolve_selection(&state, &parameters).await?;
    let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
    Ok(json_response(json!({"ids": ids}).to_string()))
}
