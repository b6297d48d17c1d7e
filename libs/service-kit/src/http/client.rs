//! Calls to other systems: a span and a duration for each, and the trace handed on. Addresses are never recorded,
//! because session ids stand in them; the caller names the peer and the pattern instead ([`Peer`]).

use std::fmt::Display;
use std::time::Duration;

use http::{Extensions, HeaderName, HeaderValue};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tracing::{Instrument as _, field};

use super::self_calls::SelfCalls;
use crate::config::ConfigError;
use crate::metrics::{CallLabels, Metrics};
use crate::problem::format_error_chain;
use crate::redaction;

/// Who is called, and with which pattern; given with `RequestBuilder::with_extension`.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// `icat`, `auth`, `datacite`.
    pub service: &'static str,
    /// Such as `/icat/session/{id}`.
    pub template: &'static str,
}

struct CallMiddleware {
    metrics: Metrics,
    self_calls: SelfCalls,
}

#[async_trait::async_trait]
impl Middleware for CallMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let peer = extensions.get::<Peer>().copied().unwrap_or(Peer { service: "other", template: "-" });
        let method = super::method_name(request.method().as_str());
        let span = tracing::info_span!(
            "call",
            otel.name = method,
            otel.kind = "client",
            http.request.method = method,
            url.template = peer.template,
            peer.service = peer.service,
            http.response.status_code = field::Empty,
            error.r#type = field::Empty,
        );
        for (name, value) in span.in_scope(crate::telemetry::trace_headers) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                request.headers_mut().insert(name, value);
            }
        }
        self.self_calls.mark_request(&mut request);
        let started = tokio::time::Instant::now();
        let outcome = next.run(request, extensions).instrument(span.clone()).await;
        let status = match &outcome {
            Ok(response) => {
                let status = response.status().as_u16();
                span.record("http.response.status_code", status);
                status.to_string()
            }
            Err(_) => {
                span.record("error.type", "no-answer");
                "error".to_owned()
            }
        };
        let labels = CallLabels { http_request_method: method, peer_service: peer.service, outcome: status };
        self.metrics.calls.get_or_create(&labels).observe(started.elapsed().as_secs_f64());
        if redaction::is_on() { outcome.map_err(reqwest_middleware::Error::without_url) } else { outcome }
    }
}

/// Adds what is observed to a plain client.
pub(crate) fn instrument_client(
    client: reqwest::Client,
    metrics: &Metrics,
    self_calls: &SelfCalls,
) -> ClientWithMiddleware {
    ClientBuilder::new(client).with(CallMiddleware { metrics: metrics.clone(), self_calls: self_calls.clone() }).build()
}

/// What every client of ours has in common: no redirects, our name, and the certificates of a PEM file as well if one is
/// named; `what` says in an error who named it.
pub(crate) fn finish_client(
    builder: reqwest::ClientBuilder,
    ca_file: &str,
    what: &str,
) -> Result<reqwest::Client, ConfigError> {
    let mut builder = builder
        .redirect(reqwest::redirect::Policy::none())
        // Small pieces of a request do not wait for the acknowledgement of the ones before.
        .tcp_nodelay(true)
        .user_agent(concat!("undulator/", env!("CARGO_PKG_VERSION")));
    if !ca_file.is_empty() {
        let refused = |e: &dyn Display| ConfigError(format!("{what}: {ca_file}: {e}"));
        let pem = std::fs::read(ca_file).map_err(|e| refused(&e))?;
        for certificate in reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| refused(&e))? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|e| ConfigError(format!("cannot make the HTTP client: {}", format_error_chain(&e))))
}

/// A client for a command that calls servers, where no service runs: an answer may take as long as it likes, but not be
/// silent for longer than `silence`. `ca_file` is as in [`finish_client`], empty for none.
pub fn command_client(ca_file: &str, silence: Duration) -> Result<ClientWithMiddleware, ConfigError> {
    let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).read_timeout(silence);
    Ok(ClientBuilder::new(finish_client(builder, ca_file, "--ca-file")?).build())
}
