//! The order of changes whose transactions overlap.

use search::store::change_batches::{BatchKind, create_batch};
use serde_json::{Value, json};
use service_kit::{DbError, Micros};
use testkit::{Backend, TestApp, postgres_url, wait_until};
use tokio::sync::Notify;

/// What a client sends after an answer comes after what was answered, also if the transactions of others were faster. On `SQLite`
/// there is one writer at a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_applied_after_those_that_were_acknowledged_before_it() {
    let Some(url) = postgres_url() else {
        println!("not tested: no PostgreSQL");
        return;
    };
    let settings = "search.commit_interval = \"1h\"";
    let app = TestApp::start_on(&Backend::Postgres(url), &[search::SERVICE], settings).await;
    let file = |id: i64| json!({"id": id, "name": format!("f{id}.h5")});
    let create = json!([{"create": {"_index": "Datafile", "_id": 1, "doc": file(1)}}]).to_string();

    // The transaction of one request has its number, and commits after that of another client.
    let (has_number, may_commit) = (Notify::new(), Notify::new());
    let slow = app.db("search").write(async |tx| {
        create_batch(tx, BatchKind::Modify, "", &create, Micros::default()).await?;
        has_number.notify_one();
        may_commit.notified().await;
        Ok::<_, DbError>(())
    });
    let fast = async {
        has_number.notified().await;
        post(&app, "addNow/Datafile", &json!([file(2)])).await;
        wait_until_applied(&app, 1.0).await;
        may_commit.notify_one();
    };
    let (stored, ()) = tokio::join!(slow, fast);
    stored.unwrap();
    // The file was created; now it is deleted.
    post(&app, "modify", &json!([{"delete": {"_index": "Datafile", "_id": 1}}])).await;
    wait_until_applied(&app, 2.0).await;
    post(&app, "commit", &Value::Null).await;

    let url = format!("{}/icat.lucene/datafile?maxResults=10", app.internal);
    let found = app.http.post(url).json(&json!({"query": {}, "fields": ["id"]})).send().await.unwrap();
    let found: Value = found.json().await.unwrap();
    let ids: Vec<&Value> = found["results"].as_array().unwrap().iter().map(|row| &row["_source"]["id"]).collect();
    assert_eq!(ids, [2], "the deleted file is not there");
    app.stop().await;
}

async fn post(app: &TestApp, path: &str, body: &Value) {
    let request = app.http.post(format!("{}/icat.lucene/{path}", app.internal)).body(body.to_string());
    assert_eq!(request.send().await.unwrap().status().as_u16(), 204, "{path}");
}

async fn wait_until_applied(app: &TestApp, changes: f64) {
    let applied = async || app.metric("undulator_search_applied_changes_total").await.filter(|n| *n >= changes);
    wait_until("the changes are applied", applied).await;
}
