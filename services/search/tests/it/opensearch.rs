//! What only an engine in another process can do wrong. The other tests run on `OpenSearch`, too; see [`crate::engine`].

mod gate;

use serde_json::{Value, json};
use service_kit::{Ids as _, SystemIds};
use tempfile::TempDir;
use testkit::{Backend, Process, TestApp, postgres_url, wait_until};

use self::gate::Gate;
use crate::engine::{add_opensearch, find_opensearch};
use crate::lucene::IcatServer;

/// Ids of rows around the places where a set of ids is written in another way.
const BOUNDARIES: [i64; 3] = [1 << 31, 1 << 32, 1 << 40];
/// More ids than are written one by one.
const ROWS_AT_BOUNDARY: i64 = 1_500;

/// A service with indices of its own, or nothing if the tests do not run with `OpenSearch`.
async fn start_server() -> Option<(IcatServer, Cluster)> {
    let url = find_opensearch()?;
    let prefix = format!("test-{}", SystemIds.random_uuid());
    let settings = render_settings(&url, &prefix);
    let server = IcatServer { app: TestApp::start(&[search::SERVICE], &settings).await };
    Some((server, Cluster { http: server_client(), url, prefix }))
}

fn render_settings(url: &str, prefix: &str) -> String {
    format!(
        "[search]\nengine = \"opensearch\"\nopensearch_url = \"{url}\"\nopensearch_index_prefix = \"{prefix}\"\n\
         opensearch_replicas = 0\n"
    )
}

fn server_client() -> reqwest::Client {
    #[expect(clippy::disallowed_methods, reason = "a client of the cluster")]
    reqwest::Client::new()
}

/// The cluster itself, behind the back of the service.
struct Cluster {
    http: reqwest::Client,
    url: String,
    prefix: String,
}

impl Cluster {
    async fn send(&self, method: reqwest::Method, path: &str, body: String) -> Value {
        let request = self.http.request(method, format!("{}/{path}", self.url));
        let response = request.header("Content-Type", "application/json").body(body).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default()
    }

    /// The names of the indices that the aliases of this service name.
    async fn list_indices(&self) -> Vec<String> {
        let found = self.send(reqwest::Method::GET, &format!("_alias/{}-*", self.prefix), String::new()).await;
        found.as_object().unwrap().keys().cloned().collect()
    }

    async fn delete_indices(&self) {
        for index in self.list_indices().await {
            self.send(reqwest::Method::DELETE, &index, String::new()).await;
        }
    }
}

fn list_ids(answer: &Value) -> Vec<i64> {
    answer["results"].as_array().unwrap().iter().map(|hit| hit["_source"]["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn sets_of_ids_find_rows_on_both_sides_of_all_boundaries() {
    let Some((server, _)) = start_server().await else { return };
    for boundary in BOUNDARIES {
        let ids = boundary - ROWS_AT_BOUNDARY / 2..boundary + ROWS_AT_BOUNDARY / 2;
        let files: Vec<Value> = ids
            .map(|id| json!({"id": id, "name": "f", "dataset.id": id, "dataset.name": "calibration", "investigation.id": 1}))
            .collect();
        server.add_documents("Datafile", &files.into()).await;
    }
    // Of another dataset.
    server.add_documents("Datafile", &json!([{"id": 1, "name": "f", "dataset.id": 7, "dataset.name": "scan"}])).await;
    server.commit().await;
    let body = json!({"query": {"text": "dataset.name:calibration"}, "fields": ["id"]});
    let answer = server.search_documents("datafile", "maxResults=1", &body).await;
    assert_eq!(answer["total"], 3 * ROWS_AT_BOUNDARY);
    server.stop().await;
}

#[tokio::test]
async fn a_page_may_be_longer_than_what_opensearch_returns_at_once() {
    let Some((server, _)) = start_server().await else { return };
    for first in [0, 6_000] {
        let files: Vec<Value> = (first..first + 6_000).map(|id| json!({"id": id, "name": "f"})).collect();
        server.add_documents("Datafile", &files.into()).await;
    }
    server.commit().await;
    let parameters = r#"maxResults=11000&sort={"id":"desc"}"#;
    let body = json!({"query": {"text": "f"}, "fields": ["id"]});
    let answer = server.search_documents("datafile", parameters, &body).await;
    assert_eq!(list_ids(&answer), (1_000..12_000).rev().collect::<Vec<_>>());
    assert_eq!(answer["total"], 12_000);
    server.stop().await;
}

#[tokio::test]
async fn pages_go_on_after_rows_without_a_value() {
    let Some((server, _)) = start_server().await else { return };
    let files: Vec<Value> =
        (1..=6)
            .map(|id| {
                if id % 2 == 0 {
                    json!({"id": id, "name": "f", "fileSize": id})
                } else {
                    json!({"id": id, "name": "f"})
                }
            })
            .collect();
    server.add_documents("Datafile", &files.into()).await;
    server.commit().await;
    for (direction, expected) in [("asc", [1, 3, 5, 2, 4, 6]), ("desc", [6, 4, 2, 1, 3, 5])] {
        let mut found = Vec::new();
        let mut after = String::new();
        while found.len() < 6 {
            let sort = json!({"fileSize": direction, "id": "asc"});
            let parameters = format!("maxResults=1&sort={sort}{after}");
            let answer = server
                .search_documents("datafile", &parameters, &json!({"query": {"text": "f"}, "fields": ["id"]}))
                .await;
            found.extend(list_ids(&answer));
            after = format!("&search_after={}", answer["search_after"]);
        }
        assert_eq!(found, expected, "{direction}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_search_with_too_many_words_for_the_cluster_is_refused_with_a_hint() {
    let Some((server, _)) = start_server().await else { return };
    server.add_documents("Datafile", &json!([{"id": 1, "name": "a.h5"}])).await;
    server.commit().await;
    let words: Vec<String> = (0..600).map(|n| format!("location:word{n}")).collect();
    let search =
        server.post("datafile?maxResults=10").json(&json!({"query": {"text": words.join(" ")}, "fields": ["id"]}));
    let (status, answer) = server.send(search).await;
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("use fewer"), "{message}");
    server.stop().await;
}

#[tokio::test]
async fn more_rows_than_a_condition_may_have_can_be_deleted_at_once() {
    let Some((server, _)) = start_server().await else { return };
    server
        .add_documents("Datafile", &json!([{"id": 1, "name": "a.h5", "dataset.id": 69_999}, {"id": 2, "name": "b.h5"}]))
        .await;
    server.commit().await;
    let deletions: Vec<Value> = (0..70_000).map(|id| json!({"delete": {"_index": "Dataset", "_id": id}})).collect();
    server.modify(&deletions.into()).await;
    assert_eq!(server.find_datafiles(json!({})).await, [2], "files are deleted with their dataset");
    server.stop().await;
}

#[tokio::test]
async fn a_write_that_arrives_late_changes_nothing() {
    let Some((server, cluster)) = start_server().await else { return };
    server.add_documents("Datafile", &json!([{"id": 1, "name": "late.h5"}])).await;
    server.commit().await;
    server.modify(&json!([{"update": {"_index": "Datafile", "_id": 1, "doc": {"id": 1, "name": "newest.h5"}}}])).await;

    let indices = cluster.list_indices().await;
    let index = indices.iter().find(|name| name.contains("-datafiles-")).unwrap();
    let stored = cluster.send(reqwest::Method::GET, &format!("{index}/_doc/Datafile-1"), String::new()).await;
    assert_eq!(stored["_source"]["row"]["name"], "newest.h5");
    let earlier = stored["_version"].as_i64().unwrap() - 1;
    let action =
        json!({"index": {"_index": index, "_id": "Datafile-1", "version": earlier, "version_type": "external_gte"}});
    let document = json!({"row": {"name": "late.h5"}, "entity": "Datafile", "Datafile:id": 1});
    let answer = cluster.send(reqwest::Method::POST, "_bulk", format!("{action}\n{document}\n")).await;
    assert_eq!(answer["items"][0]["index"]["status"], 409, "{answer}");
    server.commit().await;
    assert_eq!(server.find_datafiles(json!({"text": "newest.h5"})).await, [1]);
    server.stop().await;
}

#[tokio::test]
async fn indices_that_were_deleted_are_created_again_and_take_over_the_changes() {
    let Some((server, cluster)) = start_server().await else { return };
    server.add_documents("Datafile", &json!([{"id": 1, "name": "a.h5"}])).await;
    server.commit().await;
    let before = cluster.list_indices().await;
    let server = server.restart_after(async || cluster.delete_indices().await).await;
    server.add_documents("Datafile", &json!([{"id": 2, "name": "b.h5"}])).await;
    server.commit().await;
    assert_eq!(server.find_datafiles(json!({})).await, [2]);
    let after = cluster.list_indices().await;
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|index| !before.contains(index)), "{after:?} have the identity of {before:?}");
    server.stop().await;
}

#[tokio::test]
async fn indices_of_another_database_are_refused() {
    let Some((server, cluster)) = start_server().await else { return };
    server.add_documents("Datafile", &json!([{"id": 1, "name": "a.h5"}])).await;
    server.commit().await;
    let settings = render_settings(&cluster.url, &cluster.prefix);
    let other = TestApp::start(&[search::SERVICE], &settings).await;
    let failed = async || {
        other
            .metric("undulator_worker_restarts_total{worker=\"search-index\"}")
            .await
            .filter(|restarts| *restarts >= 1.0)
    };
    wait_until("the indices are refused", failed).await;
    other.stop().await;
    assert_eq!(server.find_datafiles(json!({})).await, [1]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_kept_while_the_cluster_does_not_answer() {
    let Some(url) = find_opensearch() else { return };
    let gate = Gate::open(&url).await;
    let settings = add_opensearch("[search]\ncommit_interval = \"50ms\"\nmax_search_time = \"2s\"\n", &gate.url());
    let server = IcatServer { app: TestApp::start(&[search::SERVICE], &settings).await };
    server.add_documents("Datafile", &json!([{"id": 1, "name": "a.h5"}])).await;
    server.commit().await;

    gate.close();
    let operation = json!([{"create": {"_index": "Datafile", "_id": 2, "doc": {"id": 2, "name": "b.h5"}}}]);
    assert_eq!(server.send(server.post("modify").json(&operation)).await, (204, Value::Null));
    let search = server.post("datafile?maxResults=10").json(&json!({"query": {}, "fields": ["id"]}));
    let (status, answer) = server.send(search).await;
    assert_eq!(status, 503, "{answer}");
    assert_eq!(answer["message"], "the search engine does not answer; try again in a few seconds");

    gate.open_again();
    let both = async || {
        let search = server.post("datafile?maxResults=10").json(&json!({"query": {}, "fields": ["id"]}));
        let (status, answer) = server.send(search).await;
        (status == 200 && list_ids(&answer) == [1, 2]).then_some(())
    };
    wait_until("the change is searchable without a restart", both).await;
    server.stop().await;
}

/// Not a test: the body of a process of the service.
#[tokio::test(flavor = "multi_thread")]
async fn run_replica() {
    testkit::run_child_process(&[search::SERVICE]).await;
}

struct Replica {
    process: Process,
    http: reqwest::Client,
    _dir: TempDir,
}

impl Replica {
    async fn start(settings: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let mut process = Process::new("opensearch::run_replica", "search", &[search::SERVICE], dir.path());
        process.configure(settings);
        let http = server_client();
        process.start(&http).await;
        Self { process, http, _dir: dir }
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/icat.lucene/{path}", self.process.internal());
        let response = self.http.post(url).body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    /// Stores a file and waits until this process finds it.
    async fn add_file(&self, id: i64) {
        let stored = self.post("addNow/Datafile", &json!([{"id": id, "name": "f.h5"}])).await;
        assert_eq!(stored.0, 204, "{}", self.process.log());
        assert_eq!(self.post("commit", &Value::Null).await.0, 204, "{}", self.process.log());
        let (_, answer) = self.post("datafile?maxResults=10", &json!({"query": {}, "fields": ["id"]})).await;
        assert!(list_ids(&answer).contains(&id), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_indices_and_one_of_them_writes() {
    let Some(url) = find_opensearch() else { return };
    let Some(postgres) = postgres_url() else {
        println!("not tested: no PostgreSQL");
        return;
    };
    let database = Backend::Postgres(postgres).new_url().await;
    let settings = add_opensearch("[search]\ncommit_interval = \"100ms\"\n", &url)
        + &format!("[database]\nurl = \"{database}\"\n");
    let mut one = Replica::start(&settings).await;
    one.add_file(1).await;
    let other = Replica::start(&settings).await;
    // Stored by the process that does not write the index.
    other.add_file(2).await;
    one.process.kill();
    // The other one takes over when the lease of the killed process has ended.
    other.add_file(3).await;
    let (_, answer) = other.post("datafile?maxResults=10", &json!({"query": {}, "fields": ["id"]})).await;
    assert_eq!(list_ids(&answer), [1, 2, 3]);
}
