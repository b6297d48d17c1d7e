//! Which pages of other origins may read the answers of a mount (Fetch standard, CORS protocol). The headers are on every
//! answer of the mount, refusals included: without them a page could not read why it was refused. There are no cookies to
//! protect: credentials stand in headers and parameters, which a page must know to send them.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};

use crate::config::CorsConfig;

/// What pages may send. `*` would not include `Authorization`.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Accept, If-Match, If-None-Match, If-Modified-Since, If-Range, Range, \
     Idempotency-Key, X-Request-Id, X-API-Key, Last-Event-ID, traceparent, tracestate";
/// What pages may read beside the simple headers.
const RESPONSE_HEADERS: &str = "ETag, Accept-Ranges, Content-Range, Content-Length, Content-Disposition, Digest, Repr-Digest, \
     Retry-After, X-Request-Id, Location, Link, Allow, WWW-Authenticate";
/// Browsers ask again after this long.
const MAX_AGE_SECONDS: &str = "3600";

/// Whose pages may call a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Origins {
    #[default]
    Nobody,
    /// Those of `http.cors.allowed_origins`.
    Configured,
    Everybody,
}

/// The headers of all answers to one request.
pub(super) fn response_headers(
    origins: Origins,
    config: &CorsConfig,
    request: &HeaderMap,
) -> Vec<(HeaderName, HeaderValue)> {
    let expose = (ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
    let is_open = origins == Origins::Everybody
        || origins == Origins::Configured && config.allowed_origins.iter().any(|allowed| allowed == "*");
    if is_open {
        return vec![(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")), expose];
    }
    if origins == Origins::Nobody || config.allowed_origins.is_empty() {
        return Vec::new();
    }
    let mut headers = vec![(VARY, HeaderValue::from_static("Origin"))];
    let origin =
        request.get(ORIGIN).filter(|origin| config.allowed_origins.iter().any(|allowed| *origin == allowed.as_str()));
    if let Some(origin) = origin {
        headers.extend([(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()), expose]);
    }
    headers
}

/// The answer to a browser that asks before a request, if `headers` let its page in.
pub(super) fn answer_preflight(
    req: &ServiceRequest,
    headers: &[(HeaderName, HeaderValue)],
    methods: impl FnOnce() -> String,
) -> Option<HttpResponse> {
    let asks = req.method() == Method::OPTIONS
        && req.headers().contains_key(ORIGIN)
        && req.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !asks || !headers.iter().any(|(name, _)| name == ACCESS_CONTROL_ALLOW_ORIGIN) {
        return None;
    }
    // Headers of clients that we do not know are let in too; they mean nothing here.
    let asked = req.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    let allowed = asked.map_or_else(|| REQUEST_HEADERS.to_owned(), |asked| format!("{REQUEST_HEADERS}, {asked}"));
    Some(
        HttpResponse::NoContent()
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, methods()))
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, allowed))
            .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS))
            .finish(),
    )
}
