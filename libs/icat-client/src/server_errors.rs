//! The error format of icat.server 6.2: `{"code","message"[,"offset"]}` with its eight codes.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;
use service_kit::{Code, ErrorFormat, FailedRequest, http_status};

pub const ICAT_ERRORS: ErrorFormat = ErrorFormat::new("icat.server", render_icat_error);

/// icat.server answers wrong methods and media types with 500; ours are client errors under the code `BAD_PARAMETER`.
fn render_icat_error(failed: &FailedRequest<'_>) -> HttpResponse {
    let problem = failed.problem;
    let (status, code) = match problem.code {
        Code::BadRequest => (StatusCode::BAD_REQUEST, "BAD_PARAMETER"),
        Code::Unauthenticated => (StatusCode::FORBIDDEN, "SESSION"),
        Code::Forbidden => (StatusCode::FORBIDDEN, "INSUFFICIENT_PRIVILEGES"),
        Code::NotFound => (StatusCode::NOT_FOUND, "NO_SUCH_OBJECT_FOUND"),
        Code::NoRoute | Code::NotImplemented => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
        Code::Conflict => (StatusCode::PRECONDITION_FAILED, "OBJECT_ALREADY_EXISTS"),
        Code::Validation => (StatusCode::PRECONDITION_FAILED, "VALIDATION"),
        // Not the request's fault: the same one may well succeed later.
        Code::Internal
        | Code::BadGateway
        | Code::Unavailable
        | Code::OutcomeUnknown
        | Code::InsufficientStorage
        | Code::TooManyRequests => (http_status(problem.code), "INTERNAL"),
        Code::MethodNotAllowed
        | Code::PreconditionFailed
        | Code::TooLarge
        | Code::UnsupportedMediaType
        | Code::RangeNotSatisfiable
        | Code::Timeout => (http_status(problem.code), "BAD_PARAMETER"),
    };
    let message =
        if problem.code == Code::NoRoute { "Operation not implemented by this ICAT server." } else { &problem.detail };
    let mut body = json!({"code": code, "message": message});
    if let Some(offset) = problem.offset {
        body["offset"] = offset.into();
    }
    HttpResponse::build(status).insert_header(("content-type", "application/json")).body(body.to_string())
}
