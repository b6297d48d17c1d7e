//! The error format of icat.lucene 4.0: `{"code","message"}`, both strings, which icat.server demands.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;
use service_kit::{Code, ErrorFormat, FailedRequest};

pub const LUCENE_ERRORS: ErrorFormat = ErrorFormat::new("icat.lucene", render_lucene_error);

/// icat.server takes 400 for the mistake of a user and everything else for a failure of the engine.
fn render_lucene_error(failed: &FailedRequest<'_>) -> HttpResponse {
    let problem = failed.problem;
    let (status, code) = match problem.code {
        Code::NoRoute => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
        Code::Unauthenticated | Code::Forbidden => (StatusCode::UNAUTHORIZED, "LuceneException"),
        Code::BadRequest => (StatusCode::BAD_REQUEST, "LuceneException"),
        Code::Conflict => (StatusCode::NOT_ACCEPTABLE, "LuceneException"),
        Code::Timeout => (StatusCode::GATEWAY_TIMEOUT, "LuceneException"),
        Code::Unavailable | Code::TooManyRequests => (StatusCode::SERVICE_UNAVAILABLE, "LuceneException"),
        Code::InsufficientStorage => (StatusCode::INSUFFICIENT_STORAGE, "LuceneException"),
        Code::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "LuceneException"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalException"),
    };
    let message = if problem.code == Code::NoRoute {
        "Operation not implemented by this icat.lucene server.".to_owned()
    } else {
        problem.detail.clone()
    };
    let body = json!({"code": code, "message": message}).to_string();
    HttpResponse::build(status).insert_header(("content-type", "application/json")).body(body)
}
