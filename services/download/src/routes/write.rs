//! `POST /ids/write`: not implemented, because there is no archive; 501 after all checks.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};

use super::caller::SelectionCall;
use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use crate::error::{SINGLE_LEVEL, SWITCHED_OFF, not_implemented};
use crate::error_format::Failure;
use crate::state::State;

#[utoipa::path(
    post, path = "/ids/write", operation_id = "write_data", tag = "archive",
    summary = "Not implemented: the storage has no archive",
    request_body(content = SelectionParameters, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row", body = Failure),
        (status = 413, description = "`BadRequestException`: the form is too large", body = Failure),
        (status = 415, description = "`BadRequestException`: the body is not a form", body = Failure),
        (status = 501, description = "`NotImplementedException`", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn write_data(
    state: web::Data<State>,
    request: HttpRequest,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    if state.is_read_only() {
        return Err(not_implemented(SWITCHED_OFF));
    }
    let parameters: SelectionParameters = parse_form(form)?;
    SelectionCall::from_request(&request, &parameters)?.resolve_selection(&state).await?;
    Err(not_implemented(SINGLE_LEVEL))
}
