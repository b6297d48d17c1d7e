//! Crash: two clients send documents and changes while the process is killed again and again. After each kill the process is
//! started again without any other step, and the index has exactly the rows that were acknowledged.

mod clients;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Backend, Process};
use tokio::time::Instant;

use self::clients::{Address, BulkClient, ChangeClient, Progress, Rows};
use crate::engine::{add_engine, list_databases};

/// On all engines together; `TESTKIT_KILLS` is the number on each.
const KILLS: usize = 10;
const CLIENTS: usize = 2;

/// Not a test: the body of the process that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn run_child() {
    testkit::run_child_process(&[search::SERVICE]).await;
}

/// A search service in a process of its own.
struct SearchProcess {
    process: Process,
    address: Address,
    _dir: TempDir,
}

impl SearchProcess {
    async fn start(backend: &Backend) -> Self {
        let dir = TempDir::new().unwrap();
        let process = Process::new("crash::run_child", "search", &[search::SERVICE], dir.path());
        // Commits are so frequent that kills meet them.
        let url = backend.new_url().await;
        let settings = format!("search.commit_interval = \"50ms\"\n[database]\nurl = \"{url}\"\n");
        process.configure(&add_engine(&settings));
        #[expect(clippy::disallowed_methods, reason = "a client of the service under test")]
        let http = reqwest::Client::new();
        let address = Address { http, internal: process.internal() };
        let mut search = Self { process, address, _dir: dir };
        search.start_again().await;
        search
    }

    async fn start_again(&mut self) {
        self.process.start(&self.address.http).await;
    }

    /// All rows of an entity after a commit. Fails if one is there twice.
    async fn list_rows(&self, target: &str, fields: &[&str]) -> Rows {
        self.address.send_accepted("commit", &Value::Null).await;
        let url = format!("{}/icat.lucene/{target}", self.address.internal);
        let body = json!({"query": {}, "fields": fields});
        let parameters = [("maxResults", "100000"), ("sort", r#"{"id":"asc"}"#)];
        let response = self.address.http.post(url).query(&parameters).json(&body).send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{answer}; {}", self.process.log());
        let rows = answer["results"].as_array().unwrap();
        let by_id: Rows =
            rows.iter().map(|row| (row["_source"]["id"].as_i64().unwrap(), row["_source"].clone())).collect();
        assert_eq!(answer["total"], by_id.len(), "a {target} is in the index twice");
        assert_eq!(rows.len(), by_id.len(), "a {target} is in the answer twice");
        by_id
    }

    /// The ids of all files.
    async fn list_files(&self) -> Vec<i64> {
        self.list_rows("datafile", &["id"]).await.into_keys().collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_process_is_killed() {
    let backends = list_databases();
    let kills = std::env::var_os("TESTKIT_KILLS").and_then(|n| n.to_str()?.parse().ok());
    for backend in &backends {
        kill_again_and_again(backend, kills.unwrap_or(KILLS / backends.len())).await;
    }
}

async fn kill_again_and_again(backend: &Backend, kills: usize) {
    let begun = Instant::now();
    let mut search = SearchProcess::start(backend).await;
    let address = search.address.clone();
    let (mut bulk, mut changes, progress) = (BulkClient::default(), ChangeClient::default(), Progress::default());
    let (mut unanswered, mut documents) = (0, 0);
    for kill in 0..kills {
        // Different moments: during the first requests after the start, and when many wait for the index.
        let requests = [2, 30, 9, 20, 4][kill % 5];
        tokio::join!(
            bulk.send_until_lost(&address, &progress),
            changes.send_until_lost(&address, &progress),
            kill_after(requests, &progress, &mut search.process),
        );
        unanswered += usize::from(bulk.is_unanswered()) + usize::from(changes.is_unanswered());
        search.start_again().await;
        // icat.server sends a change again until it is acknowledged, but not the documents of a populate.
        changes.send_again(&address).await;
        let files = search.list_rows("datafile", &["id", "name", "dataset.name"]).await;
        let datasets = search.list_rows("dataset", &["id", "name"]).await;
        bulk.settle_unanswered_batch(&files, &progress);
        let (expected_files, expected_datasets) = changes.list_expected_rows(&progress);
        assert_same_rows("dataset", kill, &datasets, &expected_datasets);
        assert_same_rows("datafile", kill, &files, &expected_files);
        documents = files.len() + datasets.len();
    }
    println!(
        "{backend:?}: {kills} kills in {:.1} s; {} requests were answered and {unanswered} were not; {documents} rows at the end",
        begun.elapsed().as_secs_f64(),
        progress.answered.get(),
    );
    assert!(unanswered >= kills * 2 / 3, "only {unanswered} requests were on the way when the process was killed");
    search.process.stop();
}

/// Kills the process when so many more requests were answered and each client waits for an answer.
async fn kill_after(requests: usize, progress: &Progress, process: &mut Process) {
    let enough = progress.answered.get() + requests;
    while progress.answered.get() < enough || progress.in_flight.get() < CLIENTS {
        tokio::task::yield_now().await;
    }
    process.kill();
}

/// Shows the first rows that differ.
fn assert_same_rows(entity: &str, kill: usize, rows: &Rows, expected: &Rows) {
    let all = rows.keys().chain(expected.keys()).copied().collect::<std::collections::BTreeSet<i64>>();
    let different: Vec<_> = all
        .into_iter()
        .map(|id| (rows.get(&id), expected.get(&id)))
        .filter(|(row, expected)| row != expected)
        .collect();
    let shown = &different[..different.len().min(3)];
    assert!(shown.is_empty(), "after kill {kill}, {} {entity}s are not as expected: {shown:?}", different.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_can_be_populated_on_after_a_kill() {
    for backend in list_databases() {
        let mut search = SearchProcess::start(&backend).await;
        let add = async |ids: &[i64]| {
            let files: Vec<Value> = ids.iter().map(|id| json!({"id": id, "name": format!("f{id}.h5")})).collect();
            search.address.send_accepted("addNow/Datafile", &json!(files)).await;
        };
        add(&[1, 2, 3]).await;
        search.address.send_accepted("commit", &Value::Null).await;
        search.address.send_accepted("lock/Datafile?minId=0&delete=true", &Value::Null).await;
        add(&[2, 4]).await;
        search.process.kill();
        search.start_again().await;
        assert_eq!(search.list_files().await, [1, 2, 3, 4], "what is replaced is found until the end");
        search.address.send_accepted("addNow/Datafile", &json!([{"id": 5, "name": "f5.h5"}])).await;
        search.process.kill();
        search.start_again().await;
        search.address.send_accepted("unlock/Datafile", &Value::Null).await;
        assert_eq!(search.list_files().await, [2, 4, 5]);
        search.process.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_opens_after_a_kill_during_the_first_start() {
    for requests in [0, 1, 3, 10, 30] {
        // The index is created after the process is ready.
        let mut search = SearchProcess::start(&Backend::Sqlite).await;
        for _ in 0..requests {
            let url = format!("{}/icat.lucene/version", search.address.internal);
            assert_eq!(search.address.http.get(url).send().await.unwrap().status().as_u16(), 200);
        }
        search.process.kill();
        search.start_again().await;
        search.address.send_accepted("addNow/Datafile", &json!([{"id": 1, "name": "f1.h5"}])).await;
        assert_eq!(search.list_files().await, [1], "killed after {requests} requests");
        search.process.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_are_answered_as_soon_as_the_process_is_ready() {
    let mut search = SearchProcess::start(&Backend::Sqlite).await;
    search.address.send_accepted("addNow/Datafile", &json!([{"id": 1, "name": "f1.h5"}])).await;
    assert_eq!(search.list_files().await, [1]);
    for start in 0..5 {
        search.process.kill();
        search.start_again().await;
        let url = format!("{}/icat.lucene/datafile?maxResults=1", search.address.internal);
        let response = search.address.http.post(url).json(&json!({"query": {}})).send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        assert_eq!((status, &answer["total"]), (200, &json!(1)), "start {start}");
    }
    search.process.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_can_be_populated_from_the_beginning_after_a_kill() {
    for backend in list_databases() {
        let mut search = SearchProcess::start(&backend).await;
        search.address.send_accepted("lock/Datafile?minId=0&delete=true", &Value::Null).await;
        search
            .address
            .send_accepted("addNow/Datafile", &json!([{"id": 1, "name": "f1.h5"}, {"id": 2, "name": "f2.h5"}]))
            .await;
        search.process.kill();
        search.start_again().await;
        // The thread of icat.server that populates ended with the connection; an administrator begins again.
        search.address.send_accepted("lock/Datafile?minId=0&delete=true", &Value::Null).await;
        search.address.send_accepted("addNow/Datafile", &json!([{"id": 2, "name": "f2.h5"}])).await;
        search.address.send_accepted("unlock/Datafile", &Value::Null).await;
        assert_eq!(search.list_files().await, [2]);
        search.process.stop();
    }
}
