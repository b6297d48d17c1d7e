//! `GET /icat/entityManager`: a search, or one row when `id` is given.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;
use utoipa::IntoParams;

use crate::error::Error;
use crate::routes::http::requested_credential;
use crate::routes::schemas::{CommonResponses, Failure, Rows};
use crate::search::{self, SearchResult};
use crate::sessions::Credential;
use crate::state::State;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// The session id; it can also be sent as `Authorization: Bearer`.
    #[param(nullable = false)]
    session_id: Option<String>,
    /// A search such as `SELECT d FROM Dataset d WHERE d.name = 'scan' INCLUDE d.datafiles LIMIT 0, 100`. With `id`: the type
    /// of the entity and the relations to include.
    #[param(value_type = String)]
    query: Option<String>,
    /// Returns only the entity with this id.
    #[param(value_type = Option<i64>, nullable = false)]
    id: Option<String>,
}

#[utoipa::path(
    get, path = "/icat/entityManager", operation_id = "read_entities", tag = "entities",
    summary = "Search, or get one entity",
    params(Query),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "Without `id`: one element per row; with `id`: one entity", body = Rows),
        (status = 400, description = "`BAD_PARAMETER`: the query is invalid", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: the caller may \
            not read the entity", body = Failure),
        (status = 404, description = "`NO_SUCH_OBJECT_FOUND`: there is no row with this `id`", body = Failure),
        (status = 412, description = "`VALIDATION`: the result has more than `maxEntities` rows", body = Failure),
    ),
)]
pub async fn read_entities(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let Query { session_id, query, id } = parse_query(&request)?;
    let text = query.ok_or_else(|| Error::BadParameter("query is not set".to_owned()))?;
    let credential = requested_credential(&state, &request, session_id.as_deref()).await?;
    answer_query(&state, &credential, &text, id.as_deref()).await
}

/// Answers a search, or with an id a single row.
pub async fn answer_query(
    state: &State,
    credential: &Credential,
    text: &str,
    id: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let mut tx = state.db.read().await?;
    let user_name = state.sessions.require_user(&mut tx, credential).await?;
    let rights = state.rules.load_rights(&mut tx, user_name).await?;
    if let Some(id) = id {
        let id = id.parse().map_err(|_| Error::BadParameter(format!("Badly formatted id: {id}")))?;
        return Ok(crate::routes::http::json_response(
            search::render_entity_by_id(&state.queries, &mut tx, &rights, text, id).await?,
        ));
    }
    let result = SearchResult::find(state.db.clone(), Arc::clone(&state.queries), tx, rights, text).await?;
    if result.is_short() {
        return Ok(crate::routes::http::json_response(result.into_text().await?));
    }
    Ok(HttpResponse::Ok().insert_header(("content-type", "application/json")).streaming(result.into_stream()))
}
