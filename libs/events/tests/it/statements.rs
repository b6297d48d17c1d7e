//! Every statement on both engines.

use events::store;
use service_kit::DbError;
use testkit::probe::{self, store as probe_store};

#[tokio::test]
async fn every_statement_is_known_to_both_engines() {
    let all = [
        store::STATEMENTS.as_slice(),
        &probe_store::things::ALL,
        &probe_store::effects::ALL,
        &probe_store::reconciliations::ALL,
    ]
    .concat();
    for test in testkit::create_databases("statements", probe::SERVICE.migrations).await {
        test.db.prepare_all(&all).await.unwrap();
        // The one that differs between the engines is run.
        let deleted =
            test.db.write(async |tx| store::delete_published_events(tx, &["1", "it's", "\"x\""]).await).await.unwrap();
        assert_eq!(deleted, 0, "{}", test.engine);
        println!("{}: {} statements", test.engine, all.len() + 1);
    }
}

#[tokio::test]
async fn published_events_are_deleted_by_id_and_no_others() {
    for test in testkit::create_databases("statements", &[]).await {
        let work = async |tx: &mut service_kit::Tx| -> Result<Vec<String>, DbError> {
            for n in 0..300 {
                let envelope = envelope(n);
                store::insert_event(tx, &envelope).await?;
            }
            Ok(store::list_waiting_events(tx, 1_000).await?.iter().map(|waiting| waiting.id.clone()).collect())
        };
        let ids = test.db.write(work).await.unwrap();
        let every_third: Vec<&str> = ids.iter().map(String::as_str).step_by(3).collect();
        let deleted = test.db.write(async |tx| store::delete_published_events(tx, &every_third).await).await.unwrap();
        assert_eq!(deleted, 100, "{}", test.engine);
        let left = store::list_waiting_events(&mut test.db.read().await.unwrap(), 1_000).await.unwrap();
        let expected: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !every_third.contains(id)).collect();
        assert_eq!(left.iter().map(|waiting| waiting.id.as_str()).collect::<Vec<_>>(), expected, "{}", test.engine);
    }
}

fn envelope(n: u32) -> events::Envelope {
    events::Envelope {
        id: format!("event-{n:03}"),
        subject: "undulator.v1.test".to_owned(),
        headers: events::Headers::default(),
        payload: n.to_le_bytes().to_vec(),
    }
}
