//! How a failed request looks on the wire: ours (RFC 9457) or that of the system a mount replaces, to the byte.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;

use crate::problem::{Code, Problem};

/// The error format of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorFormat {
    /// RFC 9457 `application/problem+json`.
    Problem,
    /// icat.server 6.2: `{"code","message"[,"offset"]}` with its eight codes.
    Icat,
    /// ids.server 2.1: `{"code","message"}` where the code is an exception's name.
    Ids,
    /// ICAT authenticator plugins: `{"code","message"}`.
    Authn,
    /// ICAT+: plain text.
    IcatPlus,
    /// Pages that people look at: a small HTML document with the statuses of [`Problem`](Self::Problem).
    Page,
}

impl ErrorFormat {
    /// The response to a failed request. `server` is how the mount's prefix names it, such as `authn.db`.
    pub fn render(self, problem: &Problem, request_id: &str, server: &str) -> HttpResponse {
        let mut response = match self {
            Self::Problem => rfc9457(problem, request_id),
            Self::Icat => icat(problem),
            Self::Ids => ids(problem),
            Self::Authn => authn(problem, server),
            Self::Page => page(problem, request_id, server),
            Self::IcatPlus => HttpResponse::build(http_status(problem.code))
                .content_type(ContentType::plaintext())
                .body(problem.detail.clone()),
        };
        // RFC 9110, 15.5.2: whoever is told 401 is told how to authenticate.
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

/// The status HTTP itself has for each kind of failure.
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

fn rfc9457(problem: &Problem, request_id: &str) -> HttpResponse {
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

fn page(problem: &Problem, request_id: &str, server: &str) -> HttpResponse {
    let home = format!("/{server}");
    let status = http_status(problem.code);
    let title = status.canonical_reason().unwrap_or_default();
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"{home}/assets/app.css\"></head><body><main>\
         <h1>{title}</h1><p class=\"problem\">{}</p><p><a href=\"{home}\">To the logbooks</a></p>\
         <p class=\"hint\">Request {}</p></main></body></html>",
        escaped(&problem.detail),
        escaped(request_id)
    );
    HttpResponse::build(status).content_type(ContentType::html()).body(body)
}

/// icat.server answers wrong methods and media types with 500; ours are client errors under the code `BAD_PARAMETER`.
fn icat(problem: &Problem) -> HttpResponse {
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
    json_body(status, &body)
}

fn ids(problem: &Problem) -> HttpResponse {
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
    let body = ascii(&json!({"code": code, "message": message}).to_string());
    HttpResponse::build(status).insert_header(("content-type", "application/json")).body(body)
}

/// JSON text with everything beyond ASCII as `\u` and four digits, which only stands in strings.
fn ascii(json: &str) -> String {
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

fn authn(problem: &Problem, server: &str) -> HttpResponse {
    let (status, code) = match problem.code {
        Code::NoRoute => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
        Code::Internal | Code::BadGateway | Code::InsufficientStorage | Code::OutcomeUnknown => {
            (http_status(problem.code), "InternalException")
        }
        Code::Unauthenticated | Code::Forbidden => (StatusCode::FORBIDDEN, "AuthnException"),
        _ => (http_status(problem.code), "AuthnException"),
    };
    let message = if problem.code == Code::NoRoute {
        format!("Operation not implemented by this {server} server.")
    } else {
        problem.detail.clone()
    };
    json_body(status, &json!({"code": code, "message": message}))
}

fn json_body(status: StatusCode, body: &serde_json::Value) -> HttpResponse {
    HttpResponse::build(status).insert_header(("content-type", "application/json")).body(body.to_string())
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    /// Clients of ids.server try again after `DataNotOnlineException`, whatever else the answer says.
    #[tokio::test]
    async fn an_unknown_outcome_invites_nobody_to_repeat_it() {
        for (error_format, code) in [
            (ErrorFormat::Problem, "urn:undulator:problem:database-outcome-unknown"),
            (ErrorFormat::Icat, "INTERNAL"),
            (ErrorFormat::Ids, "InternalException"),
            (ErrorFormat::Authn, "InternalException"),
            (ErrorFormat::IcatPlus, "look before you send it again"),
            (ErrorFormat::Page, "look before you send it again"),
        ] {
            let text = "may be stored or not; look before you send it again";
            let problem = Problem::new(Code::OutcomeUnknown, "database-outcome-unknown", text);
            let answer = error_format.render(&problem, "1", "ids");
            assert_eq!((answer.status().as_u16(), answer.headers().get(RETRY_AFTER)), (503, None), "{error_format:?}");
            let body = to_bytes(answer.into_body()).await.unwrap();
            let body = std::str::from_utf8(&body).unwrap();
            assert!(body.contains(code) && body.contains("look before"), "{error_format:?}: {body}");
        }
    }
}
