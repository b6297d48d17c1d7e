//! `GET /search/v1/directories`: browses the directories of files, and completes their names.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::openapi::{CallerFailures, CommonFailures, Failure};
use utoipa::IntoParams;

use super::limit::parse_limit;
use crate::error::report_timeout;
use crate::searches::find_directories::DirectoryList;
use crate::state::State;

const DEFAULT_LIMIT: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DirectoryParameters {
    /// `/data/2025/` lists the directories in it, and `/data/20` those in `/data` whose names begin with `20`; without it, the
    /// outermost directories
    #[serde(default)]
    #[param(example = "/data/2025/")]
    path: String,
    /// At most so many; 1,000 at most
    #[param(minimum = 1, maximum = 1000, value_type = Option<usize>, default = 100)]
    limit: Option<String>,
}

#[utoipa::path(
    get, path = "/search/v1/directories", operation_id = "list_directories", tag = "search",
    summary = "List directories of datafiles",
    params(DirectoryParameters),
    responses(
        CommonFailures, CallerFailures,
        (status = 200, description = "Directories", body = DirectoryList),
        (status = 400, description = "A mistake in a parameter", body = Failure, content_type = "application/problem+json"),
        (status = 403, description = "The API key lacks the scope `read`", body = Failure, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub async fn list_directories(
    state: web::Data<State>,
    caller: Caller,
    parameters: web::Query<DirectoryParameters>,
) -> Result<HttpResponse, Problem> {
    caller.require_scope("read")?;
    let DirectoryParameters { path, limit } = parameters.into_inner();
    let limit = parse_limit(limit.as_deref(), DEFAULT_LIMIT)?;
    Ok(HttpResponse::Ok()
        .json(state.catalogue_searches.find_directories(&caller, path, limit).await.map_err(report_timeout)?))
}
