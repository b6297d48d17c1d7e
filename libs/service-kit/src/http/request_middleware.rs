//! What happens around every request: its id, its span, its limits, one log line, and the mount's error format for whatever goes
//! wrong.

use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, JsonPayloadError, UrlencodedError};
use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, RANGE, VARY};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError};
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field};

use super::address::{ClientAddress, TrustedProxies};
use super::cors::{self, Origins};
use super::framing;
use super::limits::{BUSY, Limiter};
use super::mount::Table;
use super::self_calls::SelfCalls;
use super::server_root::FromTrustedProxy;
use crate::caller_name::CallerName;
use crate::config::CorsConfig;
use crate::error_format::{ErrorFormat, FailedRequest};
use crate::ids::Ids;
use crate::metrics::{FailureLabels, Metrics, RequestLabels};
use crate::problem::{Code, Problem, format_error_chain};
use crate::{redaction, telemetry};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ones of a caller are replaced, so that logs stay readable.
const LONGEST_REQUEST_ID: usize = 64;
/// The route of requests that no route matches; their paths are anybody's choice and would fill the metrics.
const UNMATCHED: &str = "unmatched";

/// The id under which a request stands in the log and in the response.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

/// What the middleware needs; one per listener.
pub(super) struct MiddlewareContext {
    pub table: Table,
    pub ids: Arc<dyn Ids>,
    pub metrics: Metrics,
    pub proxies: TrustedProxies,
    pub self_calls: SelfCalls,
    pub limiter: Limiter,
    pub cors: CorsConfig,
}

/// Actix asks each error for a response; ours get theirs in the middleware, where error format and request id are known.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        crate::error_format::http_status(self.code)
    }
}

pub(super) async fn handle_request(
    context: Arc<MiddlewareContext>,
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let request_id = request_id(&req, &*context.ids);
    let client = ClientAddress(context.proxies.client_address(req.peer_addr(), req.headers()));
    let is_self_call = context.self_calls.take_mark(req.headers_mut());
    req.extensions_mut().insert(request_id.clone());
    req.extensions_mut().insert(client);
    let is_trusted = req.peer_addr().is_some_and(|peer| context.proxies.contains(peer.ip()));
    if is_trusted {
        req.extensions_mut().insert(FromTrustedProxy);
    }
    // Places in a range are those of the bytes as they are.
    if req.headers().contains_key(RANGE) {
        req.headers_mut().remove(ACCEPT_ENCODING);
    }
    // The path as the routes see it, with what needed no percent-encoding decoded.
    let mount = context.table.find_mount(req.match_info().as_str());
    let origins = mount.map_or(Origins::Nobody, |mount| mount.origins);
    let response_context = ResponseContext {
        error_format: mount.map_or(ErrorFormat::PROBLEM_DETAILS, |mount| mount.error_format),
        mount_name: mount.map_or("", |mount| mount.prefix.trim_start_matches('/')),
        page: find_repeatable_page(&req),
        headers: mount.map_or(&[], |mount| &mount.headers),
        cors: cors::response_headers(origins, &context.cors, req.headers()),
        request_id: &request_id.0,
        refusal: Cell::default(),
    };
    let method = super::method_name(req.method().as_str());
    let route = route_pattern(&req);
    let span = root_span(is_trusted, &req, mount.map_or("process", |mount| mount.service), method, &route);
    span.record("request.id", &*request_id.0);

    let without_timeout = context.table.is_without_timeout(req.method(), req.match_pattern().as_deref());
    let _active = ActiveRequestGuard::new(&context.metrics);
    let handled = async {
        let limiter = &context.limiter;
        if !is_self_call {
            limiter.check_rate(client)?;
        }
        if let Some(mount) = mount
            && let Some(answer) = cors::answer_preflight(&req, &response_context.cors, || mount.allowed_methods())
        {
            return Ok(req.into_response(answer).map_into_right_body());
        }
        limiter.begin_body(&mut req).await?;
        let _place = if is_self_call { None } else { limiter.acquire_place()? };
        let answer = if without_timeout {
            next.call(req).await
        } else {
            limiter.within_time(limiter.within_body_timeout(req, async |req| next.call(req).await)).await
        };
        answer.map(ServiceResponse::map_into_left_body)
    };
    let (answer, caller) = CallerName::scope(response_context.answer_request(handled).instrument(span.clone())).await;
    let (answer, status) = answer;

    let elapsed = started.elapsed().as_secs_f64();
    span.record("http.response.status_code", status.as_u16());
    if let Some(caller) = &caller {
        span.record("user.name", caller.as_str());
    }
    let refusal = response_context.refusal.get();
    log_request(&RequestLogLine { method, route: &route, status, elapsed, request_id: &request_id, caller, refusal });
    if let Some(error_slug) = refusal {
        let labels = FailureLabels { http_route: route.clone(), error_slug };
        context.metrics.failures.get_or_create(&labels).inc();
    }
    let labels =
        RequestLabels { http_request_method: method, http_route: route, http_response_status_code: status.as_u16() };
    context.metrics.requests.get_or_create(&labels).observe(elapsed);
    answer
}

/// The log line of a request.
struct RequestLogLine<'r> {
    method: &'static str,
    route: &'r str,
    status: StatusCode,
    /// Seconds.
    elapsed: f64,
    request_id: &'r RequestId,
    caller: Option<String>,
    refusal: Option<&'static str>,
}

/// One line per request, outside its span, whose fields it would repeat. Text shows the message and the short fields, JSON
/// all of them (see `telemetry`).
fn log_request(line: &RequestLogLine<'_>) {
    let RequestLogLine { method, route, status, elapsed, request_id, caller, refusal } = line;
    let milliseconds = elapsed * 1000.0;
    tracing::info!(
        target: "service_kit::http",
        {
            http.request.method = method,
            http.route = route,
            http.response.status_code = status.as_u16(),
            duration_ms = milliseconds,
            request.id = &*request_id.0,
            user.name = caller.as_deref(),
            error.slug = refusal,
        },
        "{method} {route} {} {milliseconds:.1} ms",
        status.as_u16(),
    );
}

/// Path and query of a request that a browser can repeat by itself.
fn find_repeatable_page(req: &ServiceRequest) -> Option<String> {
    let target = req.uri().path_and_query().filter(|_| req.method() == Method::GET)?;
    Some(target.as_str().to_owned())
}

/// The pattern under which a request stands in log, traces and metrics; its target has session ids in it.
fn route_pattern(req: &ServiceRequest) -> String {
    if redaction::is_on() { req.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned()) } else { req.uri().to_string() }
}

/// The span of a request: the caller's trace goes on if the caller is a trusted proxy or service, else it is linked.
fn root_span(is_trusted: bool, req: &ServiceRequest, service: &str, method: &str, route: &str) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        undulator.service = service,
        http.request.method = method,
        http.route = route,
        http.response.status_code = field::Empty,
        request.id = field::Empty,
        user.name = field::Empty,
        trace_id = field::Empty,
    );
    let remote = telemetry::remote_context(|name| req.headers().get(name)?.to_str().ok());
    if is_trusted {
        telemetry::continue_trace(&span, remote);
    } else {
        telemetry::link_trace(&span, &remote);
    }
    if let Some(id) = telemetry::trace_id(&span) {
        span.record("trace_id", id);
    }
    span
}

/// Counts a request for as long as it is worked on, also if its connection breaks.
struct ActiveRequestGuard<'m>(&'m Metrics);

impl<'m> ActiveRequestGuard<'m> {
    fn new(metrics: &'m Metrics) -> Self {
        metrics.active_requests.inc();
        Self(metrics)
    }
}

impl Drop for ActiveRequestGuard<'_> {
    fn drop(&mut self) {
        self.0.active_requests.dec();
    }
}

/// What all responses to one request share.
struct ResponseContext<'r> {
    error_format: ErrorFormat,
    mount_name: &'r str,
    /// What a browser can open again.
    page: Option<String>,
    headers: &'r [(HeaderName, HeaderValue)],
    /// Which pages may read them.
    cors: Vec<(HeaderName, HeaderValue)>,
    request_id: &'r str,
    /// The slug of the problem that was answered, for the log and the metrics.
    refusal: Cell<Option<&'static str>>,
}

type Answer = (Result<ServiceResponse<BoxBody>, Error>, StatusCode);

impl ResponseContext<'_> {
    async fn answer_request<B: MessageBody + 'static>(
        &self,
        handled: impl Future<Output = Result<ServiceResponse<B>, Error>>,
    ) -> Answer {
        match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(Ok(response)) => {
                let response = framing::frame_response(self.finish(response)).await;
                let status = response.status();
                (Ok(response), status)
            }
            Ok(Err(error)) => self.refuse_request(&error),
            // The panic hook has printed where; the worker and its other requests go on.
            Err(_) => self.refuse_request(&Problem::internal("a handler panicked").into()),
        }
    }

    /// A failure before a response existed; actix sends the response that stands in for the error.
    fn refuse_request(&self, error: &Error) -> Answer {
        let response = self.render_error(error);
        let status = response.status();
        (Err(InternalError::from_response("rendered by the middleware", response).into()), status)
    }

    /// An error that a handler or an extractor returned is inside the response by now.
    fn finish(&self, response: ServiceResponse<impl MessageBody + 'static>) -> ServiceResponse<BoxBody> {
        if let Some(rendered) = response.response().error().map(|error| self.render_error(error)) {
            return response.into_response(rendered);
        }
        let mut response = response.map_into_boxed_body();
        self.add_headers(response.headers_mut());
        response
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(self.request_id) {
            headers.insert(REQUEST_ID, value);
        }
        for (name, value) in self.headers {
            // A response may have its own.
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in &self.cors {
            if name == VARY {
                headers.append(name.clone(), value.clone());
            } else {
                headers.insert(name.clone(), value.clone());
            }
        }
    }

    /// Renders and logs one failure, once.
    fn render_error(&self, error: &Error) -> HttpResponse {
        let foreign;
        let problem = if let Some(problem) = error.as_error::<Problem>() {
            problem
        } else {
            foreign = from_actix_error(error);
            &foreign
        };
        // The detail of a refusal may repeat what the caller sent, so it never stands in the log.
        if is_server_fault(problem.code) && !(problem.slug == BUSY && problem.source.is_none()) {
            let cause = format_error_chain(problem);
            tracing::error!(request.id = self.request_id, error.slug = problem.slug, error = cause, "request failed");
        } else {
            tracing::debug!(request.id = self.request_id, error.slug = problem.slug, "request refused");
        }
        self.refusal.set(Some(problem.slug));
        let mut response = self.error_format.render(&FailedRequest {
            problem,
            request_id: self.request_id,
            mount_name: self.mount_name,
            page: self.page.as_deref(),
        });
        self.add_headers(response.headers_mut());
        if problem.code == Code::Timeout {
            // What would come next on this connection is the rest of the body.
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    }
}

/// Faults of this program or of systems behind it; the rest are the caller's.
fn is_server_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Internal | Code::BadGateway | Code::Unavailable | Code::OutcomeUnknown | Code::InsufficientStorage
    )
}

/// An error of actix itself: an extractor, a payload limit.
fn from_actix_error(error: &Error) -> Problem {
    let media_type = match (error.as_error(), error.as_error()) {
        (Some(JsonPayloadError::ContentType), _) => Some("application/json"),
        (_, Some(UrlencodedError::ContentType)) => Some("application/x-www-form-urlencoded"),
        _ => None,
    };
    if let Some(media_type) = media_type {
        let text = format!("the body must be {media_type}");
        return Problem::new(Code::UnsupportedMediaType, "unsupported-media-type", text);
    }
    let refused = error.as_response_error();
    let (code, slug) = match refused.status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => (Code::TooLarge, "too-large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (Code::UnsupportedMediaType, "unsupported-media-type"),
        StatusCode::NOT_FOUND => (Code::BadRequest, "bad-path"),
        StatusCode::REQUEST_TIMEOUT => (Code::Timeout, "timeout"),
        status if status.is_client_error() => (Code::BadRequest, "bad-request"),
        _ => return Problem::internal(error.to_string()),
    };
    Problem::new(code, slug, refused.to_string())
}

fn request_id(req: &ServiceRequest, ids: &dyn Ids) -> RequestId {
    let given = req.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|text| {
        (1..=LONGEST_REQUEST_ID).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    });
    RequestId(given.map_or_else(|| ids.random_uuid().to_string().into(), Into::into))
}
