//! A disk without room. If it is that of the index, changes are still accepted; if it is that of the database too, they are
//! refused with the reason. Searches find the rows of the last commit, and when there is room again, all that was accepted is
//! found, without any other step.

use std::ops::RangeInclusive;

use serde_json::{Value, json};
use testkit::{Backend, Process, SmallDisk, TestApp, list_backends, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn accepted_changes_wait_for_room_on_the_disk_of_the_index() {
    for backend in list_backends() {
        let Some(disk) = SmallDisk::mount(8) else {
            println!("not tested: no right to mount a small disk");
            return;
        };
        fill_disk(&backend, &disk).await;
    }
}

/// Accepted requests that are not in the index yet.
const WAITING_BATCHES: &str = "undulator_search_waiting_batches";

async fn fill_disk(backend: &Backend, disk: &SmallDisk) {
    let settings = format!("search.index_dir = \"{}\"", disk.path().join("index").display());
    let app = TestApp::start_on(backend, &[search::SERVICE], &settings).await;
    let server = Server { http: app.http.clone(), internal: app.internal.clone() };
    server.add_files(1..=100).await;
    server.commit().await;
    assert_eq!(server.list_files().await, (1..=100).collect::<Vec<i64>>());

    disk.fill();
    for first in [101, 201, 301] {
        server.add_files(first..=first + 99).await;
    }
    let failed = async || app.metric(WORKER_RESTARTS).await.filter(|restarts| *restarts > 0.0);
    wait_until("the index finds no room", failed).await;
    assert_eq!(server.list_files().await, (1..=100).collect::<Vec<i64>>(), "searches go on");
    let changes = json!([
        {"create": {"_index": "Datafile", "_id": 1001, "doc": {"id": 1001, "name": "f1001.h5"}}},
        {"delete": {"_index": "Datafile", "_id": 2}},
    ]);
    assert_eq!(server.post("modify", &changes).await, 204);
    assert_eq!(app.metric(WAITING_BATCHES).await, Some(4.0), "operators see what waits");

    disk.free();
    server.commit().await;
    let expected: Vec<i64> = (1..=400).filter(|id| *id != 2).chain([1001]).collect();
    assert_eq!(server.list_files().await, expected);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_refused_while_the_disk_of_the_database_is_full() {
    let Some(disk) = SmallDisk::mount(16) else {
        println!("not tested: no right to mount a small disk");
        return;
    };
    let mut process = Process::new("crash::run_child", "search", &[search::SERVICE], disk.path());
    process.configure("");
    #[expect(clippy::disallowed_methods, reason = "a client of the service under test")]
    let server = Server { http: reqwest::Client::new(), internal: process.internal() };
    process.start(&server.http).await;
    server.add_files(1..=100).await;
    server.commit().await;

    disk.fill();
    let mut accepted: Vec<i64> = (1..=100).collect();
    // What is left of the log is written first.
    let refused = loop {
        let first = accepted.last().unwrap() + 1;
        match server.post("addNow/Datafile", &build_files(first..=first + 99)).await {
            204 => accepted.extend(first..=first + 99),
            refused => break (first, refused),
        }
    };
    let (first, status) = refused;
    assert_eq!(status, 507, "insufficient storage");
    assert_eq!(server.post("modify", &json!([{"delete": {"_index": "Datafile", "_id": 1}}])).await, 507);
    let ready = server.http.get(format!("{}/health/ready", server.internal)).send().await.unwrap();
    assert_eq!(ready.status().as_u16(), 503);
    assert_eq!(ready.json::<Value>().await.unwrap()["checks"]["database.search"], "disk full");
    let found = server.list_files().await;
    assert_eq!(found, accepted[..found.len()], "searches go on");
    assert!(found.len() >= 100);

    disk.free();
    server.commit().await;
    assert_eq!(server.list_files().await, accepted, "nothing that was refused, and all that was accepted");
    server.add_files(first..=first + 99).await;
    server.commit().await;
    accepted.extend(first..=first + 99);
    assert_eq!(server.list_files().await, accepted);
    process.stop();
}

/// How often the writing of the index was begun again.
const WORKER_RESTARTS: &str = "undulator_worker_restarts_total{worker=\"search-index\"}";

fn build_files(ids: RangeInclusive<i64>) -> Value {
    ids.map(|id| json!({"id": id, "name": format!("f{id}.h5")})).collect()
}

/// Where requests are sent.
struct Server {
    http: reqwest::Client,
    internal: String,
}

impl Server {
    async fn add_files(&self, ids: RangeInclusive<i64>) {
        assert_eq!(self.post("addNow/Datafile", &build_files(ids)).await, 204);
    }

    async fn commit(&self) {
        assert_eq!(self.post("commit", &Value::Null).await, 204);
    }

    async fn post(&self, path: &str, body: &Value) -> u16 {
        let request = self.http.post(format!("{}/icat.lucene/{path}", self.internal)).body(body.to_string());
        request.send().await.unwrap().status().as_u16()
    }

    /// The ids of all files; fails if one is there twice.
    async fn list_files(&self) -> Vec<i64> {
        let url = format!("{}/icat.lucene/datafile", self.internal);
        let parameters = [("maxResults", "100000"), ("sort", r#"{"id":"asc"}"#)];
        let body = json!({"query": {}, "fields": ["id"]});
        let response = self.http.post(url).query(&parameters).json(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let answer: Value = response.json().await.unwrap();
        let rows = answer["results"].as_array().unwrap();
        assert_eq!(answer["total"], rows.len());
        rows.iter().map(|row| row["_source"]["id"].as_i64().unwrap()).collect()
    }
}
