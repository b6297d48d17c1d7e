//! `POST /ids/archive`: not implemented, because there is no archive; 501 after the session id is checked.

use actix_web::{HttpRequest, HttpResponse};
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};

use super::caller::SentCredential;
use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use crate::error::{SINGLE_LEVEL, not_implemented};
use crate::error_format::Failure;

#[utoipa::path(
    post, path = "/ids/archive", operation_id = "archive_data", tag = "archive",
    summary = "Not implemented: the storage has no archive",
    request_body(content = SelectionParameters, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 400, description = "`BadRequestException`: invalid session id", body = Failure),
        (status = 413, description = "`BadRequestException`: the form is too large", body = Failure),
        (status = 415, description = "`BadRequestException`: the body is not a form", body = Failure),
        (status = 501, description = "`NotImplementedException`", body = Failure),
    ),
)]
pub async fn archive_data(request: HttpRequest, form: FormPairs) -> Result<HttpResponse, Problem> {
    let parameters: SelectionParameters = parse_form(form)?;
    SentCredential::from_request(&request, parameters.session_id.as_deref())?.require_well_formed()?;
    Err(not_implemented(SINGLE_LEVEL))
}
