//! The request that causes each failure.

use reqwest::Response;

use super::{Failure, REQUEST_ID};
use crate::TestApp;

const LARGE_BODY: &str = "[1000000001,1000000002,1000000003,1000000004,1000000005,1000000006]";

/// What is sent, and the headers that the response has in every format.
pub struct Request {
    method: &'static str,
    path: &'static str,
    media_type: Option<&'static str>,
    body: &'static str,
    pub allow: Option<&'static str>,
    pub retry_after: Option<&'static str>,
}

impl Request {
    pub fn for_failure(failure: Failure) -> Self {
        let json = Some("application/json");
        match failure {
            Failure::NoRoute => Self::new("GET", "/no/such/route"),
            Failure::WrongMethod => Self { allow: Some("GET, HEAD, OPTIONS"), ..Self::new("DELETE", "/ok") },
            Failure::HeadOfPost => Self { allow: Some("POST, OPTIONS"), ..Self::new("HEAD", "/json") },
            Failure::TooLarge => Self { media_type: json, body: LARGE_BODY, ..Self::new("POST", "/json") },
            Failure::BadJson => Self { media_type: json, body: "[1,", ..Self::new("POST", "/json") },
            Failure::NoMediaType => Self { body: "[1]", ..Self::new("POST", "/json") },
            Failure::WrongMediaType => {
                Self { media_type: Some("text/plain"), body: "[1]", ..Self::new("POST", "/json") }
            }
            Failure::JsonInsteadOfForm => Self { media_type: json, body: "[1]", ..Self::new("POST", "/form") },
            Failure::BadPath => Self::new("GET", "/number/x"),
            Failure::Panic => Self::new("GET", "/panic"),
            Failure::Internal => Self::new("GET", "/internal"),
            Failure::Unauthenticated => Self::new("GET", "/unauthenticated"),
            Failure::Forbidden => Self::new("GET", "/forbidden"),
            Failure::NotFound => Self::new("GET", "/missing"),
            Failure::OutcomeUnknown => Self::new("GET", "/outcome-unknown"),
            Failure::Timeout => Self { retry_after: Some("10"), ..Self::new("GET", "/hang") },
            Failure::TooManyRequests | Failure::Busy => Self { retry_after: Some("1"), ..Self::new("GET", "/ok") },
        }
    }

    fn new(method: &'static str, path: &'static str) -> Self {
        Self { method, path, media_type: None, body: "", allow: None, retry_after: None }
    }
}

pub async fn send_request(app: &TestApp, prefix: &str, failure: Failure) -> Response {
    let Request { method, path, media_type, body, .. } = Request::for_failure(failure);
    let url = format!("{}{prefix}{path}", app.public);
    let request = app.http.request(method.parse().expect("a method"), url).header("x-request-id", REQUEST_ID);
    let request = request.body(body);
    let request = match media_type {
        Some(media_type) => request.header("content-type", media_type),
        None => request,
    };
    request.send().await.expect("a response")
}
