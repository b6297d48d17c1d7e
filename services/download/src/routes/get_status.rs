//! `GET /ids/getStatus` → `ONLINE`, if the ids exist: without an archive all files are online.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::parameters::parse_query;
use service_kit::{Code, Problem};

use super::caller::{SentCredential, require_session};
use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use super::responses::text_response;
use crate::error::from_icat_error;
use crate::error_format::Failure;
use crate::selection::require_readable;
use crate::state::State;

const ONLINE: &str = "ONLINE";

#[utoipa::path(
    get, path = "/ids/getStatus", operation_id = "get_status", tag = "data",
    summary = "Get the status of a selection",
    description = "Requests without a session use the reader account.",
    params(SelectionParameters),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "`ONLINE`", body = String, content_type = "text/plain", example = "ONLINE"),
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: not readable, or neither a session nor a \
            reader account", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row or `preparedId`", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn get_status(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters: SelectionParameters = parse_query(&request)?;
    if let Some(id) = parameters.parse_prepared_id()? {
        state.prepared_selections.find_by_id(id).await?;
        return Ok(text_response(ONLINE.to_owned()));
    }
    let credential = SentCredential::from_request(&request, parameters.session_id.as_deref())?;
    let is_anonymous = credential.value().is_none();
    if !is_anonymous {
        credential.require_well_formed()?;
    }
    let selection = parameters.parse_selection()?;
    if selection.is_empty() && !credential.is_bearer() {
        return Ok(text_response(ONLINE.to_owned()));
    }
    if !is_anonymous {
        let caller = require_session(&state, &credential).await?;
        require_readable(state.identity.icat(), caller.session.expose(), &selection).await.map_err(from_icat_error)?;
    } else if let Some(reader) = &state.reader {
        reader
            .with_session(async |icat, session| require_readable(icat, session, &selection).await)
            .await
            .map_err(from_icat_error)?;
    } else {
        let text = "This service has no reader account: send a sessionId";
        return Err(Problem::new(Code::Forbidden, "download/no-reader", text));
    }
    Ok(text_response(ONLINE.to_owned()))
}
