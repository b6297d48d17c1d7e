//! `POST /search/v1/datafiles`, `/datasets` and `/investigations`.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;
use service_kit::openapi::{BodyFailures, CallerFailures, CommonFailures, Failure};

use crate::domain::entity::EntityKind;
use crate::error::report_timeout;
use crate::searches::find_page::SearchPage;
use crate::searches::json_object::JsonObject;
use crate::searches::search_body::SearchBody;
use crate::state::State;

#[utoipa::path(
    post, path = "/search/v1/datafiles", operation_id = "search_datafiles", tag = "search", summary = "Search datafiles",
    request_body = SearchBody, responses(
        CommonFailures, BodyFailures, CallerFailures,
        (status = 200, description = "A page of datafiles", body = SearchPage),
        (status = 400, description = "A mistake in the body, with a text for the user", body = Failure, content_type = "application/problem+json"),
        (status = 403, description = "The API key lacks the scope `read`", body = Failure, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub async fn search_datafiles(
    state: web::Data<State>,
    caller: Caller,
    body: web::Json<JsonObject<SearchBody>>,
) -> Result<HttpResponse, Problem> {
    search_target(&state, &caller, EntityKind::Datafile, body.into_inner().0).await
}

#[utoipa::path(
    post, path = "/search/v1/datasets", operation_id = "search_datasets", tag = "search", summary = "Search datasets",
    request_body = SearchBody, responses(
        CommonFailures, BodyFailures, CallerFailures,
        (status = 200, description = "A page of datasets", body = SearchPage),
        (status = 400, description = "A mistake in the body, with a text for the user", body = Failure, content_type = "application/problem+json"),
        (status = 403, description = "The API key lacks the scope `read`", body = Failure, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub async fn search_datasets(
    state: web::Data<State>,
    caller: Caller,
    body: web::Json<JsonObject<SearchBody>>,
) -> Result<HttpResponse, Problem> {
    search_target(&state, &caller, EntityKind::Dataset, body.into_inner().0).await
}

#[utoipa::path(
    post, path = "/search/v1/investigations", operation_id = "search_investigations", tag = "search",
    summary = "Search investigations",
    request_body = SearchBody, responses(
        CommonFailures, BodyFailures, CallerFailures,
        (status = 200, description = "A page of investigations", body = SearchPage),
        (status = 400, description = "A mistake in the body, with a text for the user", body = Failure, content_type = "application/problem+json"),
        (status = 403, description = "The API key lacks the scope `read`", body = Failure, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub async fn search_investigations(
    state: web::Data<State>,
    caller: Caller,
    body: web::Json<JsonObject<SearchBody>>,
) -> Result<HttpResponse, Problem> {
    search_target(&state, &caller, EntityKind::Investigation, body.into_inner().0).await
}

async fn search_target(
    state: &State,
    caller: &Caller,
    target: EntityKind,
    body: SearchBody,
) -> Result<HttpResponse, Problem> {
    caller.require_scope("read")?;
    let page = state.catalogue_searches.find_page(caller, target, &body).await.map_err(report_timeout)?;
    Ok(HttpResponse::Ok().json(page))
}
