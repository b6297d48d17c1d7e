//! The trace of a request goes on with its event.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use testkit::Backend;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::arrangements::outbox;
use crate::bus;

#[tokio::test]
async fn an_event_carries_the_trace_of_its_change_to_the_bus() {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
    // The relay has a thread of its own, so this must be the process's; other tests' spans go nowhere.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let (app, bus) = bus::start_with_fake_bus(&Backend::Sqlite, "traced").await;
    let span = tracing::info_span!("request");
    let trace = service_kit::telemetry::trace_id(&span).unwrap();
    let outbox = outbox(&app, "relayed");
    let event = crate::arrangements::thing(1);
    let write = app.db("relayed").write(async |tx| outbox.emit(tx, &event).await);
    tracing::Instrument::instrument(write, span).await.unwrap();
    let sql = "SELECT headers FROM outbox";
    let stored: Option<String> = app
        .db("relayed")
        .read()
        .await
        .unwrap()
        .fetch_optional(sql, &[])
        .await
        .unwrap()
        .map(|row| row.get_at(0).unwrap());
    app.drain().await;

    let sent = bus.published()[0].headers.traceparent.clone();
    assert_eq!(sent.split('-').nth(1), Some(trace.as_str()), "the same trace");
    if let Some(stored) = stored {
        assert!(stored.contains(&trace) && !stored.contains(&sent), "of the span of the publication");
    }
    let headers = bus.published()[0].wire_headers();
    assert!(headers.contains(&("traceparent", sent)));
    app.stop().await;
}
