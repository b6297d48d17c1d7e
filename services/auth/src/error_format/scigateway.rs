//! The errors of scigateway-auth 0.1.0, which is made with `FastAPI`: `{"detail": …}`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use service_kit::{Code, ErrorFormat, FailedRequest, http_status};
use utoipa::ToSchema;

pub const SCIGATEWAY_ERRORS: ErrorFormat = ErrorFormat::new("scigateway-auth", render_scigateway_error);

/// The slug of bodies that are refused; the detail is the list of their errors as JSON.
pub const INVALID_BODY: &str = "auth/invalid-body";
/// The slug of what has an answer of its own although it is an error of the server.
pub const FAILED: &str = "auth/failed";
/// What is not expected.
pub const SOMETHING_WENT_WRONG: &str = "Something went wrong";

/// An error of the interface of scigateway-auth.
#[derive(Serialize, ToSchema)]
pub struct ScigatewayFailure {
    /// A text, or, for a body that is not valid, a list of errors with `type`, `loc` and `msg`.
    detail: Value,
}

fn render_scigateway_error(failed: &FailedRequest<'_>) -> HttpResponse {
    let problem = failed.problem;
    let status = match problem.code {
        // What it did not expect of ICAT.
        Code::BadGateway => StatusCode::INTERNAL_SERVER_ERROR,
        code => http_status(code),
    };
    let text = match (problem.code, problem.slug) {
        (Code::NoRoute, _) => "Not Found",
        (Code::MethodNotAllowed, _) => "Method Not Allowed",
        (Code::Internal, slug) if slug != FAILED => SOMETHING_WENT_WRONG,
        _ => problem.detail.as_str(),
    };
    let list = if problem.slug == INVALID_BODY { serde_json::from_str(text).ok() } else { None };
    HttpResponse::build(status).json(ScigatewayFailure { detail: list.unwrap_or_else(|| text.into()) })
}
