//! The relay: it deletes what the bus has and nothing else, and only while it holds the lease.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use service_kit::{DbError, Tx};
use testkit::probe::ThingChanged;
use testkit::{Backend, TestApp, list_backends, postgres_url, wait_until};
use tokio::sync::{mpsc, oneshot};

use crate::arrangements::{emit_events, engine, number, outbox, thing, until_number};
use crate::bus::{self, FakeBus};

const WAITING: &str = "SELECT COUNT(*) FROM outbox";
const SIZE: &str = "undulator_outbox_size{undulator_service=\"relayed\"}";
const SENT: &str = "messaging_client_sent_messages_total{undulator_service=\"relayed\"}";
const HELD: &str = "undulator_lease_held{undulator_service=\"relayed\",lease=\"outbox-relay\"}";
/// Another replica takes the lease for the next 60 seconds.
pub const STEAL: &str =
    "UPDATE lease SET holder = 'another', fence = fence + 1, expires_at = $1 WHERE name = 'outbox-relay'";

fn things(bus: &FakeBus) -> Vec<i64> {
    bus.published().iter().map(|event| ThingChanged::decode(event.payload.as_slice()).unwrap().id).collect()
}

async fn until_metric(app: &TestApp, series: &str, expected: f64) {
    let look = async || app.metric(series).await.filter(|value| (value - expected).abs() < 0.5);
    wait_until(&format!("{series} {expected}"), look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_the_bus_acknowledged_is_deleted() {
    for backend in list_backends() {
        let (app, bus) = bus::start_with_fake_bus(&backend, &format!("refusing {}", engine(&backend))).await;
        let all_but_every_fourth = |events: &[events::Envelope]| -> Vec<bool> {
            events.iter().map(|e| ThingChanged::decode(e.payload.as_slice()).unwrap().id % 4 != 0).collect()
        };
        bus.respond(move |events| Box::pin(std::future::ready(all_but_every_fourth(events))));
        emit_events(&app, "relayed", &(1..=600).map(thing).collect::<Vec<_>>()).await;
        until_number(&app, "relayed", WAITING, 150).await;
        until_metric(&app, SIZE, 150.0).await;
        bus.respond(|events| Box::pin(std::future::ready(vec![true; events.len()])));
        app.drain().await;
        let mut all = things(&bus);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, (1..=600).collect::<Vec<_>>(), "{}", engine(&backend));
        until_metric(&app, SENT, 600.0).await;
        println!("{}: 600 events, {} publications", engine(&backend), bus.published().len());
        app.stop().await;
    }
}

/// Two writers at once: the one that took its number first commits last.
#[tokio::test(flavor = "multi_thread")]
async fn a_lower_number_that_is_committed_after_a_higher_one_is_published() {
    // On SQLite there is one writer at a time.
    let Some(server) = postgres_url() else { return };
    let (app, bus) = bus::start_with_fake_bus(&Backend::Postgres(server), "overtaken").await;
    let (number_taken, taken) = oneshot::channel();
    let (overtake, overtaken) = oneshot::channel();
    let mut signals = Some((number_taken, overtaken));
    let outbox = outbox(&app, "relayed");
    let slow = async |tx: &mut Tx| -> Result<(), DbError> {
        outbox.emit(tx, &thing(1)).await?;
        let (number_taken, overtaken) = signals.take().unwrap();
        let id: String = tx.fetch_one("SELECT MAX(event_id) FROM outbox", &[]).await?.get_at(0)?;
        number_taken.send(id).unwrap();
        overtaken.await.unwrap();
        Ok(())
    };
    let quick = async {
        let lower = taken.await.unwrap();
        app.clock.advance_seconds(1);
        emit_events(&app, "relayed", &[thing(2)]).await;
        wait_until("the higher one is published", async || (things(&bus) == [2]).then_some(())).await;
        until_number(&app, "relayed", WAITING, 0).await;
        overtake.send(()).unwrap();
        lower
    };
    let (stored, lower) = tokio::join!(app.db("relayed").write(slow), quick);
    stored.unwrap();
    app.drain().await;
    assert_eq!(things(&bus), [2, 1]);
    let published: Vec<String> = bus.published().iter().map(|event| event.id.clone()).collect();
    assert!(lower == published[1] && lower < published[0], "{lower} {published:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_lease_nothing_is_published() {
    for backend in list_backends() {
        let (app, bus) = bus::start_with_fake_bus(&backend, &format!("second {}", engine(&backend))).await;
        until_metric(&app, HELD, 1.0).await;
        let until_then = service_kit::Clock::now_micros(&*app.clock) + Duration::from_mins(1);
        app.db("relayed").write(async |tx| tx.execute(STEAL, &[until_then.into()]).await).await.unwrap();
        until_metric(&app, HELD, 0.0).await;
        emit_events(&app, "relayed", &[thing(1)]).await;
        until_metric(&app, SIZE, 1.0).await;
        emit_events(&app, "relayed", &[thing(2)]).await;
        // Measured at the start of a pass: the one before, which saw the first event, is over.
        until_metric(&app, SIZE, 2.0).await;
        assert!(bus.published().is_empty(), "{}", engine(&backend));
        app.clock.advance_seconds(61);
        app.drain().await;
        let mut published = things(&bus);
        published.sort_unstable();
        assert_eq!(published, [1, 2], "{}: the lease ran out", engine(&backend));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_the_lease_while_publishing_deletes_nothing() {
    for backend in list_backends() {
        let (app, bus) = bus::start_with_fake_bus(&backend, &format!("overtaken {}", engine(&backend))).await;
        let until_then = service_kit::Clock::now_micros(&*app.clock) + Duration::from_mins(1);
        let (handed_over, mut publications) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
        bus.respond(move |events| {
            let (answer, wait) = oneshot::channel();
            handed_over.send(answer).unwrap();
            let taken = vec![true; events.len()];
            Box::pin(async move { wait.await.map_or(Vec::new(), |()| taken) })
        });
        emit_events(&app, "relayed", &[1, 2, 3].map(thing)).await;
        let publication = publications.recv().await.unwrap();
        app.db("relayed").write(async |tx| tx.execute(STEAL, &[until_then.into()]).await).await.unwrap();
        publication.send(()).unwrap();
        until_metric(&app, HELD, 0.0).await;
        assert_eq!(things(&bus), [1, 2, 3], "{}: published", engine(&backend));
        assert_eq!(number(&app, "relayed", WAITING).await, 3, "{}: and kept", engine(&backend));
        assert_eq!(app.metric(SENT).await.unwrap_or_default().to_bits(), 3.0_f64.to_bits());
        bus.respond(|events| Box::pin(std::future::ready(vec![true; events.len()])));
        app.clock.advance_seconds(61);
        app.drain().await;
        assert_eq!(things(&bus), [1, 2, 3, 1, 2, 3], "{}: the next holder publishes them", engine(&backend));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_how_many_events_wait_and_since_when() {
    let (app, bus) = bus::start_with_fake_bus(&Backend::Sqlite, "measured").await;
    bus.respond(|events| Box::pin(std::future::ready(vec![false; events.len()])));
    emit_events(&app, "relayed", &[1, 2].map(thing)).await;
    until_metric(&app, SIZE, 2.0).await;
    app.clock.advance_seconds(90);
    until_metric(&app, "undulator_outbox_oldest_age_seconds{undulator_service=\"relayed\"}", 90.0).await;
    bus.respond(|events| Box::pin(std::future::ready(vec![true; events.len()])));
    app.drain().await;
    until_metric(&app, SIZE, 0.0).await;
    until_metric(&app, "undulator_outbox_oldest_age_seconds{undulator_service=\"relayed\"}", 0.0).await;
    let bus: Arc<FakeBus> = bus;
    assert!(bus.published().len() >= 4, "refused, then taken");
    app.stop().await;
}
