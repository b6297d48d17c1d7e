//! Scans that an administrator has stopped.

use search::store::catalogue_scans::{list_scans, request_scans, start_scan, stop_scans};
use service_kit::{DbError, Micros};
use testkit::TestApp;

#[tokio::test]
async fn a_scan_that_was_stopped_before_it_began_does_not_begin() {
    let app = TestApp::start(&[search::SERVICE], "").await;
    let db = app.db("search");
    let started = db
        .write(async |tx| {
            request_scans(tx, &["Datafile"]).await?;
            stop_scans(tx).await?;
            let after_stop = start_scan(tx, "Datafile", 7, 100, Micros::default()).await?;
            request_scans(tx, &["Datafile"]).await?;
            Ok::<_, DbError>((after_stop, start_scan(tx, "Datafile", 8, 100, Micros::default()).await?))
        })
        .await
        .unwrap();
    assert_eq!(started, (false, true));
    assert_eq!(list_scans(&mut db.read().await.unwrap()).await.unwrap()[0].generation, 8);
    app.stop().await;
}
