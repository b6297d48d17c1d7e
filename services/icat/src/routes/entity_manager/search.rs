//! `POST /icat/entityManager/search`: the search of `GET /icat/entityManager` for queries that are too long for an address.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};
use utoipa::ToSchema;

use crate::error::Error;
use crate::routes::http::requested_credential;
use crate::routes::schemas::{BodyResponses, CommonResponses, Failure};
use crate::state::State;

#[derive(Deserialize, ToSchema)]
#[schema(as = SearchForm)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// The session id; it can also be sent as `Authorization: Bearer`.
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// Such as `SELECT d FROM Dataset d WHERE d.id IN (1, 2, 3)`.
    #[schema(value_type = String)]
    query: Option<String>,
}

#[utoipa::path(
    post, path = "/icat/entityManager/search", operation_id = "search_entities", tag = "entities",
    summary = "Search with a long query",
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        BodyResponses,
        (status = 200, description = "One element per row", body = Vec<serde_json::Value>),
        (status = 400, description = "`BAD_PARAMETER`: the query is invalid", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session", body = Failure),
        (status = 412, description = "`VALIDATION`: the result has more than `maxEntities` rows", body = Failure),
    ),
)]
pub async fn search_entities(
    state: web::Data<State>,
    request: HttpRequest,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let Form { session_id, query } = parse_form(form)?;
    let text = query.ok_or_else(|| Error::BadParameter("query is not set".to_owned()))?;
    let credential = requested_credential(&state, &request, session_id.as_deref()).await?;
    super::read::answer_query(&state, &credential, &text, None).await
}
