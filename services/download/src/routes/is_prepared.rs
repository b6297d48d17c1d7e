//! `GET /ids/isPrepared` → `true`: without an archive, a prepared selection can be downloaded at once.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;
use service_kit::parameters::parse_query;

use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use super::responses::text_response;
use crate::domain::id_parameters;
use crate::error_format::Failure;
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/isPrepared", operation_id = "is_prepared", tag = "selections",
    summary = "Check whether a prepared selection can be downloaded",
    params(("preparedId" = String, Query, description = "The response of `prepareData`")),
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "`true`", body = String, content_type = "text/plain", example = "true"),
        (status = 400, description = "`BadRequestException`: invalid id", body = Failure),
        (status = 404, description = "`NotFoundException`: unknown, expired, or one of its files has changed",
            body = Failure),
    ),
)]
pub async fn is_prepared(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters: SelectionParameters = parse_query(&request)?;
    let id = id_parameters::parse_uuid("preparedId", parameters.prepared_id.as_deref())?;
    state.prepared_selections.find_by_id(id).await?;
    Ok(text_response("true".to_owned()))
}
