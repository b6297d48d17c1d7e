//! `PUT /ids/put`: stores the body as a file.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use super::datafile_parameters::parse_new_datafile;
use crate::error::{SWITCHED_OFF, not_implemented};
use crate::routes::caller::require_session;
use crate::routes::parameters::Parameters;
use crate::routes::wire_types::{Always, Bytes, Failure, PutQuery, Stored};
use crate::state::State;

#[utoipa::path(
    put, path = "/ids/put", operation_id = "put_data", tag = "uploads", summary = "Store a file",
    description = "The file is complete on disk before its datafile is created, and is removed if ICAT refuses the \
        datafile.",
    params(PutQuery),
    request_body(content = Bytes, content_type = "application/octet-stream"),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 201, description = "Stored", body = Stored),
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
    let parameters = Parameters::from_query(&request)?;
    let datafile = parse_new_datafile(&parameters)?;
    let caller = require_session(&state, &parameters).await?;
    let answer = state.uploads.receive_file(&caller.session, datafile, body).await?;
    Ok(HttpResponse::Created().insert_header(("content-type", "application/json")).body(answer))
}
