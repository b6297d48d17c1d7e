//! `GET /ids/getDatafileIds` → `{"ids":[…]}`, of a prepared selection also how it was prepared.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use service_kit::Problem;

use super::{json, resolved};
use crate::openapi::{Always, DatafileIds, Failure, SelectionQuery};
use crate::routes::parameters::Parameters;
use crate::prepared_selections;
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/getDatafileIds", operation_id = "get_datafile_ids", tag = "data",
    summary = "Which files belong to a selection",
    params(SelectionQuery),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "Ascending", body = DatafileIds),
        (status = 400, description = "`BadRequestException`: a parameter cannot be understood", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`", body = Failure),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn get(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of_query(&request)?;
    if let Some(id) = parameters.prepared_id()? {
        let (prepared, manifest) = prepared_selections::load(&state, id).await?;
        let ids: Vec<i64> = manifest.sources.iter().map(|source| source.datafile).collect();
        let body = json!({"zip": prepared.zip, "compress": prepared.compress, "ids": ids});
        return Ok(json(body.to_string()));
    }
    let files = resolved(&state, &parameters).await?;
    let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
    Ok(json(json!({"ids": ids}).to_string()))
}
