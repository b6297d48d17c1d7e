//! `PUT /ids/put`: stores the body as a file.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;
use service_kit::parameters::parse_query;

use super::datafile_parameters::{DatafileParameters, parse_new_datafile};
use crate::error::{SWITCHED_OFF, not_implemented};
use crate::error_format::Failure;
use crate::routes::caller::{SentCredential, require_session};
use crate::routes::common_responses::{Bytes, CommonResponses};
use crate::state::State;
use crate::uploads::StoredDatafile;

#[utoipa::path(
    put, path = "/ids/put", operation_id = "put_data", tag = "uploads", summary = "Store a file",
    description = "The file is complete on disk before its datafile is created, and is removed if ICAT refuses the \
        datafile.",
    params(DatafileParameters),
    request_body(content = Bytes, content_type = "application/octet-stream"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 201, description = "Stored", body = StoredDatafile),
        (status = 400, description = "`BadRequestException`: a parameter is missing or invalid", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not allowed", body = Failure),
        (status = 404, description = "`NotFoundException`: no such dataset or format", body = Failure),
        (status = 501, description = "`NotImplementedException`: the storage is read-only", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn put_data(
    state: web::Data<State>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    if state.is_read_only() {
        return Err(not_implemented(SWITCHED_OFF));
    }
    let parameters: DatafileParameters = parse_query(&request)?;
    let credential = SentCredential::from_request(&request, parameters.session_id.as_deref())?;
    let datafile = parse_new_datafile(parameters, &credential)?;
    let caller = require_session(&state, &credential).await?;
    let stored = state.uploads.receive_file(&caller.session, datafile, body).await?;
    Ok(HttpResponse::Created().json(stored))
}
