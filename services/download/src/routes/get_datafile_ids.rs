//! `GET /ids/getDatafileIds` → `{"ids":[…]}`, with the options of a prepared selection.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;
use utoipa::ToSchema;

use super::caller::SelectionCall;
use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use crate::error_format::Failure;
use crate::state::State;

#[derive(Serialize, ToSchema)]
pub struct DatafileIds {
    /// Of a prepared selection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    zip: Option<bool>,
    /// Of a prepared selection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compress: Option<bool>,
    ids: Vec<i64>,
}

#[utoipa::path(
    get, path = "/ids/getDatafileIds", operation_id = "get_datafile_ids", tag = "data",
    summary = "List the datafile ids of a selection",
    params(SelectionParameters),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "The ids, in ascending order", body = DatafileIds),
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn get_datafile_ids(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters: SelectionParameters = parse_query(&request)?;
    if let Some(id) = parameters.parse_prepared_id()? {
        let (prepared, manifest) = state.prepared_selections.load_with_manifest(id).await?;
        let ids: Vec<i64> = manifest.sources.iter().map(|source| source.datafile).collect();
        let body = DatafileIds { zip: Some(prepared.zip), compress: Some(prepared.compress), ids };
        return Ok(HttpResponse::Ok().json(body));
    }
    let selected = SelectionCall::from_request(&request, &parameters)?.resolve_selection(&state).await?;
    let ids: Vec<i64> = selected.datafiles.iter().map(|file| file.id).collect();
    Ok(HttpResponse::Ok().json(DatafileIds { zip: None, compress: None, ids }))
}
