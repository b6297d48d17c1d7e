//! `GET /search/v1/directories`: browses the directories of files, and completes their names.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::openapi::{CallerFailures, CommonFailures, Failure};
use utoipa::{IntoParams, ToSchema};

use crate::domain::entity::EntityKind;
use crate::domain::plan::Plan;
use crate::error::report_timeout;
use crate::planner::Planner;
use crate::results::directories::DirectoryCount;
use crate::state::State;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

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
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
}

/// Directories in which the caller may read files.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryList {
    /// In the order of their names
    pub directories: Vec<Directory>,
    /// Whether there may be more
    pub has_more: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// With `/` as separator
    pub path: String,
    pub name: String,
    /// Files in it and in the directories below that the caller may read
    pub files: u64,
}

#[utoipa::path(
    get, path = "/search/v1/directories", operation_id = "list_directories", tag = "search",
    summary = "List directories of datafiles",
    params(DirectoryParameters),
    responses(
        CommonFailures, CallerFailures,
        (status = 200, description = "Directories", body = DirectoryList),
        (status = 400, description = "A mistake in a parameter", body = Failure),
        (status = 403, description = "The API key lacks the scope `read`", body = Failure),
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
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    Ok(HttpResponse::Ok().json(find_directories(&state, &caller, path, limit).await.map_err(report_timeout)?))
}

/// Directories, for this interface and for the pages of the web. Beside an icat.server, whose rights are looked up for single
/// files, there are none.
pub async fn find_directories(
    state: &State,
    caller: &Caller,
    path: String,
    limit: usize,
) -> Result<DirectoryList, Problem> {
    let rights = state.authorized.find_rights(caller, [EntityKind::Datafile]).await?;
    let list = move |planner: &Planner<'_>| {
        let readable = rights.plan_shown(planner)?.remove(&EntityKind::Datafile).unwrap_or(Plan::Nothing);
        planner.list_directories(&readable, &path, limit)
    };
    let (found, has_more) = state.authorized.engine().run(list).await?;
    let directories = found.into_iter().map(|DirectoryCount { path, files }| {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        Directory { path, name, files }
    });
    Ok(DirectoryList { directories: directories.collect(), has_more })
}
