//! An event and its change: both or neither.

use events::store;
use service_kit::{DbError, Micros, SystemClock, SystemIds};
use std::sync::Arc;
use testkit::probe::{self, ThingChanged, store::things};

#[tokio::test]
async fn an_event_is_stored_with_its_change_or_not_at_all() {
    for test in testkit::create_databases("outbox", probe::SERVICE.migrations).await {
        let outbox = events::Outbox::new("outbox", Arc::new(SystemClock), Arc::new(SystemIds));
        let change = async |name: &'static str, give_up: bool| {
            let work = async |tx: &mut service_kit::Tx| -> Result<(), DbError> {
                let thing = things::create_thing(tx, name, Micros::default()).await?.ok_or(DbError::NoRow)?;
                outbox.emit(tx, &ThingChanged { id: thing.id, revision: thing.rev }).await?;
                if give_up { Err(DbError::NoRow) } else { Ok(()) }
            };
            test.db.write(work).await
        };
        let count = async |table: &str| -> i64 {
            let sql = format!("SELECT COUNT(*) AS n FROM {table}");
            test.db.read().await.unwrap().fetch_one(&sql, &[]).await.unwrap().get("n").unwrap()
        };
        assert!(change("lost", true).await.is_err());
        assert_eq!((count("thing").await, count("outbox").await), (0, 0), "{}", test.engine);
        change("kept", false).await.unwrap();
        assert_eq!((count("thing").await, count("outbox").await), (1, 1), "{}", test.engine);
        let waiting = store::list_waiting_events(&mut test.db.read().await.unwrap(), 10).await.unwrap();
        assert_eq!(waiting[0].subject, "undulator.v1.probe.thing.changed");
        assert_eq!(waiting[0].headers.source, "outbox");
    }
}

/// The proto type of the catalogue with more ids than an event may list.
#[tokio::test]
async fn an_event_over_4_kib_is_refused_before_it_is_stored() {
    let test = &testkit::create_databases("outbox", &[]).await[0];
    let outbox = events::Outbox::new("outbox", Arc::new(SystemClock), Arc::new(SystemIds));
    let big = events::messages::icat::EntityChanged { ids: (0..5_000).collect(), ..Default::default() };
    let refused = test.db.write(async |tx| outbox.emit(tx, &big).await).await.unwrap_err();
    assert!(refused.to_string().contains("split it"), "{refused}");
    assert!(store::list_waiting_events(&mut test.db.read().await.unwrap(), 10).await.unwrap().is_empty());
}
