//! `POST /ids/reset`: resets failed restores. Without an archive there are none.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use super::caller::resolve_selection;
use super::parameters::Parameters;
use super::wire_types::{Always, Failure, SelectionForm};
use crate::state::State;

#[utoipa::path(
    post, path = "/ids/reset", operation_id = "reset", tag = "archive", summary = "Reset failed restores",
    request_body(content = SelectionForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        Always,
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
    form: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::from_form(form, &request)?;
    match parameters.prepared_id()? {
        Some(id) => drop(state.prepared_selections.find_by_id(id).await?),
        None => drop(resolve_selection(&state, &parameters).await?),
    }
    Ok(HttpResponse::NoContent().finish())
}
