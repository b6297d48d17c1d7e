//! How a failed request looks on the wire: problem details (RFC 9457), plain text, or the format of the system that a mount
//! replaces.

use std::fmt;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;

use crate::problem::{Code, Problem};

/// The error format of a mount.
#[derive(Clone, Copy)]
pub struct ErrorFormat {
    name: &'static str,
    render: fn(&FailedRequest<'_>) -> HttpResponse,
}

/// What an error format may show of a failed request.
#[derive(Debug, Clone, Copy)]
pub struct FailedRequest<'r> {
    pub problem: &'r Problem,
    pub request_id: &'r str,
    /// The mount's prefix without the slash at its start, such as `authn.db`.
    pub mount_name: &'r str,
    /// The path and query of a request that a browser can repeat (GET), for pages; another address may have a secret in it.
    pub page: Option<&'r str>,
}

impl ErrorFormat {
    /// RFC 9457: `application/problem+json`.
    pub const PROBLEM_DETAILS: Self = Self::new("problem details", render_problem_details);
    /// The detail as `text/plain`, with the statuses of HTTP.
    pub const PLAIN_TEXT: Self = Self::new("plain text", render_plain_text);

    /// A format of a service's own. `render` gives status, media type and body; headers that every format needs are added by
    /// [`render`](Self::render).
    pub const fn new(name: &'static str, render: fn(&FailedRequest<'_>) -> HttpResponse) -> Self {
        Self { name, render }
    }

    /// The response to a failed request.
    pub fn render(self, failed: &FailedRequest<'_>) -> HttpResponse {
        let problem = failed.problem;
        let mut response = (self.render)(failed);
        // RFC 9110, 15.5.2: a 401 says how to authenticate.
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        for (name, value) in &problem.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        if let Some(seconds) = problem.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl fmt::Debug for ErrorFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorFormat({})", self.name)
    }
}

/// The status that HTTP has for each kind of failure.
pub fn http_status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound | Code::NoRoute => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Conflict => StatusCode::CONFLICT,
        Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        Code::Validation => StatusCode::UNPROCESSABLE_ENTITY,
        Code::Timeout => StatusCode::REQUEST_TIMEOUT,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        Code::BadGateway => StatusCode::BAD_GATEWAY,
        Code::Unavailable | Code::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
        Code::InsufficientStorage => StatusCode::INSUFFICIENT_STORAGE,
    }
}

fn render_problem_details(failed: &FailedRequest<'_>) -> HttpResponse {
    let FailedRequest { problem, request_id, .. } = failed;
    let status = http_status(problem.code);
    HttpResponse::build(status).content_type("application/problem+json").body(
        json!({
            "type": format!("urn:undulator:problem:{}", problem.slug),
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": problem.detail,
            "request_id": request_id,
        })
        .to_string(),
    )
}

fn render_plain_text(failed: &FailedRequest<'_>) -> HttpResponse {
    let problem = failed.problem;
    HttpResponse::build(http_status(problem.code)).content_type(ContentType::plaintext()).body(problem.detail.clone())
}
