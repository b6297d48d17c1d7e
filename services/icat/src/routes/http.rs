//! Helpers of handlers for requests and answers.

use actix_web::{HttpRequest, HttpResponse};
use service_kit::{Problem, RequestCredential};

/// 200 with compact JSON; ICAT names no charset.
pub fn json_response(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body)
}

/// The session id of `Authorization: Bearer`, else the parameter of the interface.
pub fn requested_session_id(request: &HttpRequest, parameter: Option<&str>) -> Result<Option<String>, Problem> {
    Ok(RequestCredential::find_with_parameter(request, parameter)?.map(|credential| credential.text))
}
