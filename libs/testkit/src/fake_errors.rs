//! The error format of ICAT servers and authenticator plugins that tests make up.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;
use service_kit::{Code, ErrorFormat, FailedRequest, http_status};

/// `{"code","message"}` with the statuses and codes that clients of ICAT go by.
pub const FAKE_ICAT_ERRORS: ErrorFormat = ErrorFormat::new("fake ICAT", render_fake_icat_error);

fn render_fake_icat_error(failed: &FailedRequest<'_>) -> HttpResponse {
    let problem = failed.problem;
    let (status, code) = match problem.code {
        Code::Unauthenticated => (StatusCode::FORBIDDEN, "SESSION"),
        Code::Forbidden => (StatusCode::FORBIDDEN, "INSUFFICIENT_PRIVILEGES"),
        Code::NotFound => (StatusCode::NOT_FOUND, "NO_SUCH_OBJECT_FOUND"),
        Code::NoRoute | Code::NotImplemented => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
        Code::Internal | Code::BadGateway | Code::Unavailable => (http_status(problem.code), "INTERNAL"),
        code => (http_status(code), "BAD_PARAMETER"),
    };
    HttpResponse::build(status).json(json!({"code": code, "message": problem.detail}))
}
