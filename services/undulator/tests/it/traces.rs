//! One logout through three processes and the bus is one trace, from the request to what another service makes of the
//! event.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use service_kit::{ErrorFormat, Listener, Mount, Running, ServiceDef};
use tempfile::TempDir;
use testkit::{Backend, Nats, Process, TestApp, postgres_url, wait_until};

use crate::arrangements::{authenticator_settings, database_settings, service_settings, storage_settings};
use crate::processes::{build_client, build_process, create_root, log_in};

/// What the collector has got: service and span.
static COLLECTED: Mutex<Vec<(String, Span)>> = Mutex::new(Vec::new());

const COLLECTOR: ServiceDef = ServiceDef {
    name: "collector",
    build: |_| {
        let mount = Mount::new("/v1/traces", Listener::Public, ErrorFormat::PROBLEM_DETAILS).post("", collect_spans);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

async fn collect_spans(body: Bytes) -> HttpResponse {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut collected = COLLECTED.lock().unwrap();
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let name = attributes.into_iter().find(|pair| pair.key == "service.name").and_then(|pair| pair.value);
        let Some(Value::StringValue(service)) = name.and_then(|value| value.value) else { panic!("no service.name") };
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        collected.extend(spans.map(|span| (service.clone(), span)));
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

/// The spans of the trace that one named span belongs to.
fn find_trace(service: &str, name: &str) -> Option<Vec<(String, Span)>> {
    let collected = COLLECTED.lock().unwrap();
    let (_, span) = collected.iter().find(|(s, span)| s == service && span.name == name)?;
    Some(collected.iter().filter(|(_, other)| other.trace_id == span.trace_id).cloned().collect())
}

async fn start_process(process: &mut Process, settings: &str, collector: &TestApp) {
    process.configure(settings);
    process.set_variable("OTEL_EXPORTER_OTLP_ENDPOINT", collector.public.clone());
    process.set_variable("OTEL_BSP_SCHEDULE_DELAY", "100");
    process.start(&build_client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_one_tree_of_spans_from_three_services() {
    let collector = TestApp::start(&[COLLECTOR], "").await;
    let backend = postgres_url().map_or(Backend::Sqlite, Backend::Postgres);
    let (dir, http, nats) = (TempDir::new().unwrap(), build_client(), Nats::start().await);
    let shared = format!("{}{}", database_settings(&backend).await, nats.settings());
    let mut auth = build_process("auth", &[auth::SERVICE], dir.path());
    let mut icat = build_process("icat", &[icat::SERVICE], dir.path());
    let mut download = build_process("download", &[download::SERVICE], dir.path());
    let settings = [
        format!("{shared}{}", service_settings(&auth, &icat)),
        format!("{shared}{}", authenticator_settings(&auth)),
        format!("{shared}{}{}", service_settings(&auth, &icat), storage_settings(&dir)),
    ];
    auth.configure(&settings[0]);
    create_root(&auth.config(&[auth::SERVICE])).await;
    for (process, settings) in [&mut auth, &mut icat, &mut download].into_iter().zip(&settings) {
        start_process(process, settings, &collector).await;
    }

    let session = log_in(&http, &auth.public()).await;
    let foreign = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let ended = http.delete(format!("{}/session/{session}", auth.public())).header("traceparent", foreign).send().await;
    assert_eq!(ended.unwrap().status(), 200);

    let heard = "process undulator.v1.auth.session.ended";
    let complete = async || {
        let trace = find_trace("undulator-download", heard)?;
        let has = |service: &str, name: &str| trace.iter().any(|(s, span)| s == service && span.name == name);
        let whole = has("undulator-auth", "DELETE /session/{id}")
            && has("undulator-icat", "DELETE /icat/session/{id}")
            && has("undulator-auth", "send undulator.v1.auth.session.ended")
            && has("undulator-icat", "send undulator.v1.icat.session.ended")
            && has("undulator-download", "process undulator.v1.icat.session.ended");
        whole.then_some(trace)
    };
    let trace = wait_until("the whole trace has arrived", complete).await;
    let services: BTreeSet<&str> = trace.iter().map(|(service, _)| service.as_str()).collect();
    println!("{} spans of {services:?}:", trace.len());
    for (service, span) in &trace {
        println!("  {service}: {}", span.name);
    }
    assert!(trace.len() >= 5 && services.len() == 3);
    let ids: HashMap<&[u8], &str> = trace.iter().map(|(_, s)| (s.span_id.as_slice(), s.name.as_str())).collect();
    let roots: Vec<&Span> =
        trace.iter().map(|(_, span)| span).filter(|span| !ids.contains_key(span.parent_span_id.as_slice())).collect();
    assert_eq!(roots.len(), 1, "one tree");
    assert_eq!(roots[0].name, "DELETE /session/{id}");
    // Loopback is trusted: the caller's own trace goes on.
    let id = u128::from_be_bytes(roots[0].trace_id.as_slice().try_into().unwrap());
    assert_eq!(format!("{id:032x}"), "0af7651916cd43dd8448eb211c80319c");
    let all = format!("{:?}", COLLECTED.lock().unwrap());
    assert!(!all.contains(&session), "no session id in any span");
    assert!(all.contains("/icat/session/{id}"), "the control: the pattern is there");

    // Nobody is trusted: a new trace, which only names the other.
    download.stop();
    let untrusted = format!("http.trusted_proxies = []\n{}", settings[2]);
    start_process(&mut download, &untrusted, &collector).await;
    let version = http.get(format!("{}/ids/version", download.public())).header("traceparent", foreign).send().await;
    assert_eq!(version.unwrap().status(), 200);
    let trace =
        wait_until("the request has arrived", async || find_trace("undulator-download", "GET /ids/version")).await;
    let span = &trace.iter().find(|(_, span)| span.name == "GET /ids/version").unwrap().1;
    assert!(span.parent_span_id.is_empty() && span.links.len() == 1, "{span:?}");
    assert_eq!(span.links[0].span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    for process in [&mut download, &mut auth, &mut icat] {
        process.stop();
    }
}
