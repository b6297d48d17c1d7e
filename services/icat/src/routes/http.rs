//! Helpers of handlers for requests and answers.

use actix_web::{HttpRequest, HttpResponse};
use service_kit::bearer_credential;

/// 200 with compact JSON; ICAT names no charset.
pub fn json_response(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body)
}

/// The session id of `Authorization: Bearer`, else the parameter of the interface.
pub fn requested_session_id(request: &HttpRequest, parameter: Option<String>) -> Option<String> {
    bearer_credential(request).map(str::to_owned).or(parameter)
}
