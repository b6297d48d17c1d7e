//! Logs on stderr (text for people, JSON for machines) and, where `OTEL_EXPORTER_OTLP_ENDPOINT` is set, traces.
//!
//! Traces leave by OTLP over HTTP (`http/protobuf`) and are set up by the standard `OTEL_*` variables alone. Spans
//! carry route patterns and names of operations, never addresses, parameters or bodies.

use std::io::IsTerminal as _;

use opentelemetry::trace::{SpanContext, TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, global};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::config::{ConfigError, LogConfig, LogFormat};
use crate::log_fields::ShortFields;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"];

/// Running logs and traces; [`shutdown`](Self::shutdown) sends what is still waiting.
#[derive(Debug)]
#[must_use = "spans that wait to be sent are lost without `shutdown`"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Sends the last spans; a collector that does not answer is only a line in the log.
    pub fn shutdown(self) {
        if let Some(provider) = self.0
            && let Err(e) = provider.shutdown()
        {
            tracing::warn!(error = %e, "the last traces were not sent");
        }
    }
}

/// Starts logs and traces for the whole process; a second call is an error.
pub fn start_telemetry(config: &LogConfig, service: &str, site: &str) -> Result<Telemetry, ConfigError> {
    let filter = EnvFilter::try_new(&config.level).map_err(|e| ConfigError(format!("setting `log.level`: {e}")))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(shows_colours());
    let lines = match config.format {
        LogFormat::Text => lines.fmt_fields(ShortFields).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
    };
    let provider = tracer_provider(service, site)?;
    let spans = provider.as_ref().map(|provider| {
        // Spans are not thinned by the level of the log; events in spans would only repeat the log.
        let ours =
            tracing_subscriber::filter::filter_fn(|meta| meta.is_span() && *meta.level() <= tracing::Level::INFO);
        tracing_opentelemetry::layer().with_tracer(provider.tracer("undulator")).with_location(false).with_filter(ours)
    });
    Registry::default()
        .with(lines)
        .with(spans)
        .try_init()
        .map_err(|e| ConfigError(format!("cannot start logging: {e}")))?;
    Ok(Telemetry(provider))
}

/// Colours are for people at a terminal who did not refuse them (<https://no-color.org>).
fn shows_colours() -> bool {
    std::io::stderr().is_terminal() && standard_variable("NO_COLOR").is_none()
}

fn tracer_provider(service: &str, site: &str) -> Result<Option<SdkTracerProvider>, ConfigError> {
    if ENDPOINTS.into_iter().all(|name| standard_variable(name).is_none()) {
        return Ok(None);
    }
    if let Some(name) = PROTOCOLS.into_iter().find(|name| standard_variable(name).is_some_and(|p| p != "http/protobuf"))
    {
        return Err(ConfigError(format!("{name}: only http/protobuf is spoken here (port 4318 of most collectors)")));
    }
    let refused = |e: &dyn std::fmt::Display| ConfigError(format!("cannot send traces: {e}"));
    let exporter = SpanExporter::builder().with_http().build().map_err(|e| refused(&e))?;
    let name = standard_variable("OTEL_SERVICE_NAME").unwrap_or_else(|| service.to_owned());
    let resource = Resource::builder()
        .with_service_name(name)
        .with_attributes([
            opentelemetry::KeyValue::new("service.namespace", "undulator"),
            opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            opentelemetry::KeyValue::new("undulator.site", site.to_owned()),
        ])
        .build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
}

#[expect(clippy::disallowed_methods, reason = "OpenTelemetry is set up by its standard variables")]
fn standard_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The `traceparent` and `tracestate` of the present span, for whoever continues it; empty without traces.
pub fn trace_headers() -> Vec<(String, String)> {
    let mut carrier = Carrier(Vec::new());
    global::get_text_map_propagator(|propagator| propagator.inject_context(&Span::current().context(), &mut carrier));
    carrier.0
}

/// The context that somebody else's `traceparent` names.
pub fn remote_context<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Context {
    let pairs = ["traceparent", "tracestate"];
    let pairs = pairs.into_iter().filter_map(|name| Some((name.to_owned(), header(name)?.to_owned())));
    let carrier = Carrier(pairs.collect());
    global::get_text_map_propagator(|propagator| propagator.extract(&carrier))
}

/// Makes a span the child of a remote one.
pub fn continue_trace(span: &Span, remote: Context) {
    if remote.span().span_context().is_valid()
        && let Err(e) = span.set_parent(remote)
    {
        tracing::debug!(error = %e, "a trace could not be continued");
    }
}

/// Starts a trace that only names a remote span: one that is not trusted, or long over.
pub fn link_trace(span: &Span, remote: &Context) {
    let remote: SpanContext = remote.span().span_context().clone();
    if remote.is_valid() {
        span.add_link(remote);
    }
}

/// The id under which the present trace is found; `None` without traces.
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let span_context = context.span().span_context().clone();
    span_context.is_valid().then(|| span_context.trace_id().to_string())
}

struct Carrier(Vec<(String, String)>);

impl opentelemetry::propagation::Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

impl opentelemetry::propagation::Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}
