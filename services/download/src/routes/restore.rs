//! `POST /ids/restore`: not implemented, because there is no archive; 501 after the session id is checked.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use super::parameters::Parameters;
use super::wire_types::{Always, Failure, SelectionForm};
use crate::error::{SINGLE_LEVEL, not_implemented};

#[utoipa::path(
    post, path = "/ids/restore", operation_id = "restore_data", tag = "archive",
    summary = "Not implemented: the storage has no archive",
    request_body(content = SelectionForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 400, description = "`BadRequestException`: invalid session id", body = Failure),
        (status = 413, description = "`BadRequestException`: the form is too large", body = Failure),
        (status = 415, description = "`BadRequestException`: the body is not a form", body = Failure),
        (status = 501, description = "`NotImplementedException`", body = Failure),
    ),
)]
pub async fn restore_data(
    request: HttpRequest,
    form: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    Parameters::from_form(form, &request)?.require_session_id()?;
    Err(not_implemented(SINGLE_LEVEL))
}
