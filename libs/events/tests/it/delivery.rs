//! From a request to the effect in another service, on every bus and engine.

use events::store;
use events::{Envelope, Event as _, Headers};
use prost::Message as _;
use service_kit::DbError;
use testkit::probe::{self, ThingChanged};
use testkit::{TestApp, recorder, wait_until};

use crate::arrangements::{everywhere, make_thing, maker, number, thing, until_number};

const EFFECTS: &str = "SELECT COUNT(*) FROM effect WHERE entity = 'thing'";
const DUPLICATES: &str = "undulator_inbox_duplicates_total{consumer=\"probe-things\"}";

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_its_effect_once_however_often_it_arrives() {
    for arranged in everywhere(&[probe::SERVICE, recorder::SERVICE]).await {
        let app = &arranged.app;
        for n in 0..20 {
            make_thing(app, &format!("thing {n}")).await;
        }
        app.drain().await;
        until_number(app, "probe", EFFECTS, 20).await;
        assert_eq!(number(app, "probe", "SELECT COUNT(*) FROM thing WHERE seen_at IS NOT NULL").await, 20);
        wait_until("the recorder has all", async || {
            (app.recorded_events::<ThingChanged>().await.len() == 20).then_some(())
        })
        .await;

        let again = first_event(app).await;
        match &arranged.nats {
            None => app.db("probe").write(async |tx| store::insert_event(tx, &again).await).await.unwrap(),
            Some(nats) => publish_past_the_duplicate_window(&nats.url(), &again).await,
        }
        let arrived = wait_until("it came again", async || app.metric(DUPLICATES).await.filter(|n| *n > 0.0)).await;
        app.drain().await;
        assert_eq!(number(app, "probe", EFFECTS).await, 20, "{}", arranged.name);
        println!("{}: 20 events, {arrived} delivered twice, 20 effects", arranged.name);
        arranged.app.stop().await;
    }
}

/// The event of the first thing, as it was published.
async fn first_event(app: &TestApp) -> Envelope {
    let sql = "SELECT event_id, entity_id FROM effect WHERE entity = 'thing' ORDER BY id LIMIT 1";
    let row = app.db("probe").read().await.unwrap().fetch_one(sql, &[]).await.unwrap();
    let headers = Headers { source: "probe".to_owned(), ..Headers::default() };
    Envelope {
        id: row.get("event_id").unwrap(),
        subject: ThingChanged::SUBJECT.to_owned(),
        headers,
        payload: thing(row.get("entity_id").unwrap()).encode_to_vec(),
    }
}

/// The server recognises a `Nats-Msg-Id` for two minutes; without one it delivers again.
async fn publish_past_the_duplicate_window(url: &str, envelope: &Envelope) {
    let client = async_nats::connect(url).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in envelope.wire_headers().into_iter().filter(|(name, _)| *name != "Nats-Msg-Id") {
        headers.insert(name, value.as_str());
    }
    let context = async_nats::jetstream::new(client);
    let sent = context.publish_with_headers(envelope.subject.clone(), headers, envelope.payload.clone().into());
    sent.await.unwrap().await.unwrap();
}

/// Memory only: there the end of a consumer could hold up the relay, which waits for its answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_with_events_on_the_way_is_quick_and_loses_none() {
    let app = TestApp::start(&[probe::SERVICE], &maker()).await;
    make_thing(&app, "before").await;
    app.drain().await;
    // Not announced to the relay, so that its last pass finds it.
    let late = Envelope {
        id: "late".to_owned(),
        subject: ThingChanged::SUBJECT.to_owned(),
        headers: Headers::default(),
        payload: thing(77).encode_to_vec(),
    };
    app.db("probe").write(async |tx| -> Result<(), DbError> { store::insert_event(tx, &late).await }).await.unwrap();
    let stopping = tokio::time::timeout(std::time::Duration::from_secs(10), app.restart());
    let app = stopping.await.expect("the stop waits for nothing that cannot come");
    app.drain().await;
    assert_eq!(number(&app, "probe", "SELECT COUNT(*) FROM effect WHERE entity_id = 77").await, 1);
    app.stop().await;
}
