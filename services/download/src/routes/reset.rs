//! `POST /ids/reset`: forgets failed restores, of which there are none.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use super::resolved;
use crate::openapi::{Always, Failure, SelectionForm};
use crate::routes::parameters::Parameters;
use crate::prepared_selections;
use crate::state::State;

#[utoipa::path(
    post, path = "/ids/reset", operation_id = "reset", tag = "archive", summary = "Forget failures",
    request_body(content = SelectionForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 204, description = "There is nothing to forget"),
        (status = 400, description = "`BadRequestException`: a parameter cannot be understood", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`", body = Failure),
        (status = 413, description = "`BadRequestException`: the form is too large", body = Failure),
        (status = 415, description = "`BadRequestException`: the body is no form", body = Failure),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn post(
    state: web::Data<State>,
    request: HttpRequest,
    form: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of_form(form, &request);
    match parameters.prepared_id()? {
        Some(id) => drop(prepared_selections::find(&state, id).await?),
        None => drop(resolved(&state, &parameters).await?),
    }
    Ok(HttpResponse::NoContent().finish())
}
