//! `GET /icat/lucene/data`: the ids of what a search finds, with the rights of a session.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Caller;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::parameters::parse_query;
use utoipa::{IntoParams, ToSchema};

use crate::authorized_search::PageRequest;
use crate::error::report_timeout;
use crate::results::fields::RequestedFields;
use crate::results::search_order::parse_sort;
use crate::routes::icat::failure::IcatFailures;
use crate::routes::icat::{parse_max_count, parse_query_parameter, parse_search, parse_target};
use crate::state::State;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// JSON text, such as `{"target":"Datafile","text":"scan AND nexus"}`
    query: Option<String>,
    /// At most so many rows; 100 if it is missing or 0
    #[serde(rename = "maxCount")]
    #[param(value_type = Option<usize>)]
    max_count: Option<String>,
}

/// A row that was found.
#[derive(Serialize, ToSchema)]
pub struct FoundId {
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
}

#[utoipa::path(
    get, path = "/icat/lucene/data", operation_id = "search_ids", tag = "icat", summary = "Search ids of the catalogue",
    description = "The older search of icat.server 6.2. Finds only rows that the user may read; the best matches come first.",
    params(Parameters, ("sessionId" = Option<String>, Query, description = "The session id; it can also be sent as `Authorization: Bearer`")),
    security((), ("bearer" = [])),
    responses(IcatFailures, (status = 200, description = "Ids", body = Vec<FoundId>)),
)]
pub async fn search_ids(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.require_scope("read")?;
    let parameters: Parameters = parse_query(&request)?;
    let found = find_ids(&state, &caller, &parameters).await.map_err(report_timeout)?;
    Ok(HttpResponse::Ok().json(found))
}

async fn find_ids(state: &State, caller: &Caller, parameters: &Parameters) -> Result<Vec<FoundId>, Problem> {
    let query = parse_query_parameter(parameters.query.as_deref())?;
    let target = parse_target(&query)?;
    let page = PageRequest {
        target,
        query: parse_search(&query, caller, false)?,
        order: parse_sort(target, None)?,
        after: None,
        limit: parse_max_count(parameters.max_count.as_deref())?,
        fields: RequestedFields::parse(target, &[])?,
    };
    let snapshot = state.authorized.engine().take_snapshot().await?;
    let page = state.authorized.find_page(caller, snapshot, page).await?;
    Ok(page.hits.iter().map(|hit| FoundId { id: hit.id, score: hit.score }).collect())
}
