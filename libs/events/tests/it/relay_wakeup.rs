//! Replicas that may not publish call the one that does, over NATS.

use std::time::Duration;

use events::bus::{Bus as _, NatsBus};
use futures_util::{FutureExt as _, StreamExt as _};
use service_kit::Clock as _;
use service_kit::config::{BusKind, EventsConfig};
use testkit::{Nats, TestApp, probe, wait_until};
use tokio::sync::Notify;

use crate::arrangements::{make_thing, maker};
use crate::relay::STEAL;

fn config(nats: &Nats) -> EventsConfig {
    EventsConfig {
        kind: BusKind::Nats,
        nats_url: nats.url(),
        credentials_file: String::new(),
        stream: "UNDULATOR_V1".to_owned(),
        replicas: 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_reaches_the_other_replicas_of_the_service() {
    let nats = Nats::start().await;
    let (one, other) = (NatsBus::connect(&config(&nats), "one").await, NatsBus::connect(&config(&nats), "other").await);
    let (one, other) = (one.unwrap(), other.unwrap());
    let (called, foreign) = (Notify::new(), Notify::new());
    let hearing = async {
        let Err(e) = tokio::try_join!(one.forward_wakeups("probe", &called), one.forward_wakeups("another", &foreign));
        e
    };
    // The first ones may come before the subscription is made.
    let heard = wait_until("a call is heard", async || {
        other.wake_relays("probe").await;
        called.notified().now_or_never()
    });
    tokio::select! {
        e = hearing => panic!("{e}"),
        () = heard => {}
    }
    assert!(foreign.notified().now_or_never().is_none(), "calls are for one service");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_the_lease_calls_when_it_has_written() {
    let nats = Nats::start().await;
    let app = TestApp::start(&[probe::SERVICE], &format!("{}{}", nats.settings(), maker())).await;
    let held = "undulator_lease_held{undulator_service=\"probe\",lease=\"outbox-relay\"}";
    let until_held = async |expected: f64| {
        wait_until("the lease", async || app.metric(held).await.filter(|held| (held - expected).abs() < 0.5)).await;
    };
    until_held(1.0).await;
    let end = app.clock.now_micros() + Duration::from_mins(1);
    app.db("probe").write(async |tx| tx.execute(STEAL, &[end.into()]).await).await.unwrap();
    until_held(0.0).await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    let mut calls = client.subscribe("undulator.relay.*").await.unwrap();
    client.flush().await.unwrap();
    make_thing(&app, "written here").await;
    let call = tokio::time::timeout(std::time::Duration::from_secs(30), calls.next()).await.expect("a call").unwrap();
    assert_eq!((call.subject.as_str(), call.payload.len()), ("undulator.relay.probe", 0));
    app.clock.advance_seconds(61);
    app.drain().await;
    app.stop().await;
}
