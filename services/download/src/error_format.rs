//! The error format of ids.server 2.1: `{"code","message"}`, where the code is the name of an exception.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use service_kit::{Code, ErrorFormat, FailedRequest, http_status};
use utoipa::ToSchema;

pub const IDS_ERRORS: ErrorFormat = ErrorFormat::new("ids.server", render_ids_error);

/// An error of ids.server.
#[derive(Serialize, ToSchema)]
pub struct Failure {
    code: FailureCode,
    /// A text for users.
    message: String,
}

/// The kinds of errors.
#[derive(Clone, Copy, Serialize, ToSchema)]
enum FailureCode {
    #[serde(rename = "BadRequestException")]
    BadRequest,
    /// The request can be retried later.
    #[serde(rename = "DataNotOnlineException")]
    DataNotOnline,
    #[serde(rename = "InsufficientPrivilegesException")]
    InsufficientPrivileges,
    /// The storage is full.
    #[serde(rename = "InsufficientStorageException")]
    InsufficientStorage,
    #[serde(rename = "InternalException")]
    Internal,
    #[serde(rename = "NotFoundException")]
    NotFound,
    #[serde(rename = "NotImplementedException")]
    NotImplemented,
    #[serde(rename = "NOT_IMPLEMENTED")]
    UnknownPath,
}

fn render_ids_error(failed: &FailedRequest<'_>) -> HttpResponse {
    let problem = failed.problem;
    let (status, code) = match problem.code {
        Code::BadRequest => (StatusCode::BAD_REQUEST, FailureCode::BadRequest),
        Code::Unauthenticated | Code::Forbidden => (StatusCode::FORBIDDEN, FailureCode::InsufficientPrivileges),
        Code::NotFound => (StatusCode::NOT_FOUND, FailureCode::NotFound),
        Code::NoRoute => (StatusCode::NOT_IMPLEMENTED, FailureCode::UnknownPath),
        Code::NotImplemented => (StatusCode::NOT_IMPLEMENTED, FailureCode::NotImplemented),
        // Clients go by the code, and this is the one after which they try again.
        Code::Unavailable | Code::TooManyRequests => (http_status(problem.code), FailureCode::DataNotOnline),
        Code::InsufficientStorage => (http_status(problem.code), FailureCode::InsufficientStorage),
        Code::Internal | Code::BadGateway | Code::OutcomeUnknown => (http_status(problem.code), FailureCode::Internal),
        Code::MethodNotAllowed
        | Code::Conflict
        | Code::PreconditionFailed
        | Code::TooLarge
        | Code::UnsupportedMediaType
        | Code::RangeNotSatisfiable
        | Code::Validation
        | Code::Timeout => (http_status(problem.code), FailureCode::BadRequest),
    };
    let message = if problem.code == Code::NoRoute {
        "Operation not implemented by this IDS server.".to_owned()
    } else {
        problem.detail.clone()
    };
    let failure = Failure { code, message };
    // Clients decode these bodies as ASCII.
    let body = escape_non_ascii(&serde_json::to_string(&failure).unwrap_or_default());
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
