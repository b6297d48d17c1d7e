//! When searches say that the index has all rows of the catalogue.

use search::store::catalogue_scans::request_known_scans;
use serde_json::{Value, json};
use testkit::{AUTHENTICATOR, TestApp, wait_until};

use crate::engine::{add_engine, list_databases};
use crate::facility::{SETTINGS, log_in};

/// Whether a search and the status for administrators say that all rows are in the index.
async fn read_completeness(app: &TestApp, session: &str) -> (Value, Value) {
    let search = app.http.post(format!("{}/search/v1/datafiles", app.public)).bearer_auth(session).json(&json!({}));
    let page: Value = search.send().await.unwrap().json().await.unwrap();
    let status = app.http.get(format!("{}/search/v1/index", app.public)).bearer_auth(session);
    let status: Value = status.send().await.unwrap().json().await.unwrap();
    (page["isIndexComplete"].clone(), status["isComplete"].clone())
}

async fn wait_for_scans(app: &TestApp) {
    wait_until("all scans have ended", async || {
        let mut tx = app.db("search").read().await.unwrap();
        let sql =
            "SELECT COUNT(*) AS scans, COUNT(CASE WHEN finished_at > 0 THEN 1 END) AS finished FROM catalogue_scan";
        let row = tx.fetch_one(sql, &[]).await.unwrap();
        let (scans, finished): (i64, i64) = (row.get("scans").unwrap(), row.get("finished").unwrap());
        (scans > 0 && scans == finished).then_some(())
    })
    .await;
}

async fn commit(app: &TestApp) {
    let committed = app.http.post(format!("{}/icat.lucene/commit", app.internal)).send().await.unwrap();
    assert_eq!(committed.status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_is_complete_when_the_rows_of_the_scans_are_in_it() {
    for backend in list_databases() {
        // Nothing is written to the index before it is asked for.
        let settings = SETTINGS.replace("50ms", "1h");
        let services = [icat::SERVICE, AUTHENTICATOR, search::SERVICE, testkit::recorder::SERVICE];
        let app = TestApp::start_on(&backend, &services, &add_engine(&settings)).await;
        let root = log_in(&app, "root").await;
        wait_for_scans(&app).await;
        assert_eq!(read_completeness(&app, &root).await, (json!(false), json!(false)));
        commit(&app).await;
        assert_eq!(read_completeness(&app, &root).await, (json!(true), json!(true)));

        // A change that waits is no missing row, nor is one that a further scan reads.
        let facility = json!([{"Facility": {"name": "SRC"}}]).to_string();
        let form = [("sessionId", root.as_str()), ("entities", &facility)];
        app.http.post(format!("{}/icat/entityManager", app.public)).form(&form).send().await.unwrap();
        app.drain().await;
        assert_eq!(read_completeness(&app, &root).await, (json!(true), json!(true)));

        // A new index is filled again.
        app.db("search").write(async |tx| request_known_scans(tx).await).await.unwrap();
        wait_for_scans(&app).await;
        assert_eq!(read_completeness(&app, &root).await.1, json!(false));
        commit(&app).await;
        assert_eq!(read_completeness(&app, &root).await, (json!(true), json!(true)));
        app.stop().await;
    }
}
