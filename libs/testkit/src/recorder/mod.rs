//! A service that records every event of the suite, for tests of what others emit.

mod store;

use events::messages::{Event, auth, download, icat, logbook};
use events::{Consumer, Events};
use service_kit::{BuildError, Ctx, Db, Migration, Running, ServiceDef};

use crate::probe;

/// Start it with the service under test; read it with [`TestApp::recorded_events`](crate::TestApp::recorded_events).
pub const SERVICE: ServiceDef = ServiceDef {
    name: "recorder",
    migrations: &[Migration { version: 1, name: "recorded", sql: store::MIGRATION }],
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let events = Events::start(&ctx).await?;
    record_events::<icat::EntityChanged>(&events, "recorder-icat-entities");
    record_events::<icat::SessionEnded>(&events, "recorder-icat-sessions");
    record_events::<auth::ApiKeyRevoked>(&events, "recorder-auth-api-keys");
    record_events::<auth::AuditRecorded>(&events, "recorder-auth-audit");
    record_events::<auth::SessionStarted>(&events, "recorder-auth-started");
    record_events::<auth::SessionEnded>(&events, "recorder-auth-ended");
    record_events::<auth::SessionsRevoked>(&events, "recorder-auth-revoked");
    record_events::<download::SelectionPrepared>(&events, "recorder-download-prepared");
    record_events::<download::TransferFinished>(&events, "recorder-download-finished");
    record_events::<logbook::EntryChanged>(&events, "recorder-logbook-entries");
    // The next event goes here.
    record_events::<probe::ThingChanged>(&events, "recorder-probe");
    Ok(Running::default())
}

fn record_events<E: Event>(events: &Events, name: &'static str) {
    events.add_consumer(Consumer::new::<E, _>(name, async |tx, received| {
        let payload = received.event.encode_to_vec();
        Ok(store::create_record(tx, E::SUBJECT, &received.id, payload).await?)
    }));
}

/// The events of one type in a recorder's database, in the order in which they came.
pub async fn list_recorded<E: Event>(db: &Db) -> Vec<E> {
    let mut tx = db.read().await.expect("the database answers");
    let payloads = store::list_records(&mut tx, E::SUBJECT).await.expect("the database answers");
    payloads.iter().map(|payload| E::decode(payload.as_slice()).expect("what was encoded here")).collect()
}
