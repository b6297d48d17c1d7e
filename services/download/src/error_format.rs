//! The error format of ids.server 2.1: `{"code","message"}`, where the code is the name of an exception.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;
use service_kit::{Code, ErrorFormat, FailedRequest, http_status};

pub const IDS_ERRORS: ErrorFormat = ErrorFormat::new("ids.server", render_ids_error);

fn render_ids_error(failed: &FailedRequest<'_>) -> HttpResponse {
    let problem = failed.problem;
    let (status, code) = match problem.code {
        Code::BadRequest => (StatusCode::BAD_REQUEST, "BadRequestException"),
        Code::Unauthenticated | Code::Forbidden => (StatusCode::FORBIDDEN, "InsufficientPrivilegesException"),
        Code::NotFound => (StatusCode::NOT_FOUND, "NotFoundException"),
        Code::NoRoute => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
        Code::NotImplemented => (StatusCode::NOT_IMPLEMENTED, "NotImplementedException"),
        // Clients go by the code, and this is the one after which they try again.
        Code::Unavailable | Code::TooManyRequests => (http_status(problem.code), "DataNotOnlineException"),
        Code::InsufficientStorage => (http_status(problem.code), "InsufficientStorageException"),
        Code::Internal | Code::BadGateway | Code::OutcomeUnknown => (http_status(problem.code), "InternalException"),
        Code::MethodNotAllowed
        | Code::Conflict
        | Code::PreconditionFailed
        | Code::TooLarge
        | Code::UnsupportedMediaType
        | Code::RangeNotSatisfiable
        | Code::Validation
        | Code::Timeout => (http_status(problem.code), "BadRequestException"),
    };
    let message =
        if problem.code == Code::NoRoute { "Operation not implemented by this IDS server." } else { &problem.detail };
    // Clients decode these bodies as ASCII.
    let body = escape_non_ascii(&json!({"code": code, "message": message}).to_string());
    HttpResponse::build(status).insert_header(("content-type", "application/json")).body(body)
}

/// JSON text with everything beyond ASCII as `\u` and four digits, which only stands in strings.
fn escape_non_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
