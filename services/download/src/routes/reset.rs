//! `POST /ids/reset`: resets failed restores. Without an archive there are none.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};

use super::caller::SelectionCall;
use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use crate::error_format::Failure;
use crate::state::State;

#[utoipa::path(
    post, path = "/ids/reset", operation_id = "reset", tag = "archive", summary = "Reset failed restores",
    request_body(content = SelectionParameters, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 204, description = "Nothing to reset"),
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`", body = Failure),
        (status = 413, description = "`BadRequestException`: the form is too large", body = Failure),
        (status = 415, description = "`BadRequestException`: the body is not a form", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn reset_failures(
    state: web::Data<State>,
    request: HttpRequest,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let parameters: SelectionParameters = parse_form(form)?;
    match parameters.parse_prepared_id()? {
        Some(id) => drop(state.prepared_selections.find_by_id(id).await?),
        None => drop(SelectionCall::from_request(&request, &parameters)?.resolve_selection(&state).await?),
    }
    Ok(HttpResponse::NoContent().finish())
}
