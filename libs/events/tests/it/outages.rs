//! A bus that is not there or takes nothing: requests are answered, events wait, none is lost.

use async_nats::jetstream;
use serde_json::Value;
use testkit::probe;
use testkit::{Nats, TestApp, list_backends, wait_until};

use crate::arrangements::{engine, make_thing, maker, number, until_number};

const EFFECTS: &str = "SELECT COUNT(*) FROM effect WHERE entity = 'thing'";
const WAITING: &str = "SELECT COUNT(*) FROM outbox";

async fn readiness(app: &TestApp) -> (u16, String) {
    let answer = app.http.get(format!("{}/health/ready", app.internal)).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["checks"]["events.probe"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_a_service_starts_takes_writes_and_says_that_it_is_degraded() {
    for backend in list_backends() {
        let mut nats = Nats::new_stopped();
        let app = TestApp::start_on(&backend, &[probe::SERVICE], &format!("{}{}", nats.settings(), maker())).await;
        let (status, check) = readiness(&app).await;
        assert_eq!(status, 200, "ready");
        assert!(check.starts_with("degraded: no connection to NATS"), "{check}");
        for n in 0..10 {
            make_thing(&app, &format!("thing {n}")).await;
        }
        assert_eq!(number(&app, "probe", WAITING).await, 10, "{}", engine(&backend));

        nats.start_again().await;
        until_number(&app, "probe", EFFECTS, 10).await;
        app.drain().await;
        assert_eq!(readiness(&app).await, (200, "up".to_owned()));
        println!("{}: 10 events waited for NATS", engine(&backend));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_stops_the_outbox_and_drops_nothing() {
    let nats = Nats::start().await;
    let app = TestApp::start(&[probe::SERVICE], &format!("{}{}", nats.settings(), maker())).await;
    make_thing(&app, "before").await;
    until_number(&app, "probe", EFFECTS, 1).await;
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let limit = async |max_bytes: i64| {
        let mut config = context.get_stream("UNDULATOR_V1").await.unwrap().cached_info().config.clone();
        config.max_bytes = max_bytes;
        context.update_stream(config).await.unwrap();
    };
    // Full as it is; a smaller limit would drop what is there.
    let bytes = context.get_stream("UNDULATOR_V1").await.unwrap().cached_info().state.bytes;
    limit(i64::try_from(bytes).unwrap()).await;
    for n in 0..30 {
        make_thing(&app, &format!("thing {n}")).await;
    }
    let size = "undulator_outbox_size{undulator_service=\"probe\"}";
    wait_until("operators see that 30 wait", async || app.metric(size).await.filter(|n| *n > 29.5)).await;
    assert_eq!(number(&app, "probe", EFFECTS).await, 1, "nothing came through");
    let messages = context.get_stream("UNDULATOR_V1").await.unwrap().cached_info().state.messages;
    assert_eq!(messages, 1, "and what was there is still there");

    limit(-1).await;
    until_number(&app, "probe", EFFECTS, 31).await;
    app.drain().await;
    println!("30 events waited for room");
    app.stop().await;
}
