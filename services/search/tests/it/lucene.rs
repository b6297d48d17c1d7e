//! The interface of icat.lucene, as an icat.server calls it.

use events::messages::icat::{EntityChanged, Verb};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testkit::{TestApp, recorder};

use crate::engine::add_engine;

/// Sends requests of an icat.server.
pub struct IcatServer {
    pub app: TestApp,
}

impl IcatServer {
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    pub async fn start_with(settings: &str) -> Self {
        Self { app: TestApp::start(&[search::SERVICE], &add_engine(settings)).await }
    }

    /// Stops the service and starts it again.
    pub async fn restart_after(self, meanwhile: impl AsyncFnOnce()) -> Self {
        Self { app: self.app.restart_after(meanwhile).await }
    }

    pub async fn stop(self) {
        self.app.stop().await;
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.app.http.post(format!("{}/icat.lucene/{path}", self.app.internal))
    }

    /// Status and body; null if there is none.
    pub async fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        (status, if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() })
    }

    async fn send_accepted(&self, request: RequestBuilder) {
        assert_eq!(self.send(request).await, (204, Value::Null));
    }

    /// Documents without `Content-Type`, as icat.server sends them.
    pub async fn add_documents(&self, entity: &str, documents: &Value) {
        self.send_accepted(self.post(&format!("addNow/{entity}")).body(documents.to_string())).await;
    }

    /// Makes everything that was sent visible.
    pub async fn commit(&self) {
        self.send_accepted(self.post("commit")).await;
    }

    pub async fn modify(&self, operations: &Value) {
        self.send_accepted(self.post("modify").json(operations)).await;
        self.commit().await;
    }

    pub async fn search_documents(&self, target: &str, parameters: &str, body: &Value) -> Value {
        let (status, answer) = self.send(self.post(&format!("{target}?{parameters}")).json(body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Ids of the datafiles with a text.
    pub async fn find_datafiles(&self, query: Value) -> Vec<i64> {
        let answer =
            self.search_documents("datafile", "maxResults=100", &json!({"query": query, "fields": ["id"]})).await;
        let mut ids: Vec<i64> =
            answer["results"].as_array().unwrap().iter().map(|hit| hit["_source"]["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids
    }
}

/// The ids of the rows of a result, in its order.
fn list_ids(answer: &Value) -> Vec<i64> {
    answer["results"].as_array().unwrap().iter().map(|hit| hit["_source"]["id"].as_i64().unwrap()).collect()
}

fn datafile(id: i64, name: &str) -> Value {
    json!({
        "id": id, "name": name, "location": format!("/data/{name}"), "fileSize": id * 10, "fileCount": 1, "date": 1_000 * id,
        "dataset.id": 3, "dataset.name": "scan one", "investigation.id": 2, "investigation.name": "MX-2",
        "visitId": "visit-7", "investigation.startDate": 5, "datafileFormat.id": 9, "datafileFormat.name": "NeXus",
    })
}

#[tokio::test]
async fn documents_are_found_after_a_commit_and_shown_with_the_values_of_related_rows() {
    let server = IcatServer::start().await;
    server.add_documents("Datafile", &json!([datafile(1, "alpha.nxs"), datafile(2, "beta.nxs")])).await;
    server.add_documents("InvestigationInstrument", &json!([{
        "instrument.fullName": "Beamline one", "instrument.name": "BL1", "instrument.id": 70, "investigation.id": 2, "id": 71,
    }])).await;
    server.commit().await;

    let fields =
        ["id", "name", "dataset.name", "visitId", "datafileFormat.name", "InvestigationInstrument instrument.id"];
    let body = json!({"query": {"target": "Datafile", "text": "alpha.nxs"}, "fields": fields});
    let answer = server.search_documents("datafile", "maxResults=10", &body).await;
    assert_eq!(answer["total"], 1);
    let hit = &answer["results"][0];
    assert_eq!(
        hit["_source"],
        json!({
            "id": 1, "name": "alpha.nxs", "dataset.name": "scan one", "visitId": "visit-7", "datafileFormat.name": "NeXus",
            "investigationinstrument": [{"instrument.id": 70}],
        })
    );
    assert!(hit["_id"].is_i64() && hit["_shardIndex"].is_i64() && hit["_score"].as_f64().unwrap() > 0.0);
    assert_eq!(answer.get("search_after"), None, "the page is not full");

    for (query, expected) in [
        (json!({"text": "visit-7"}), vec![1, 2]),
        (json!({"text": "nexus AND beta*"}), vec![2]),
        (json!({"text": "name:alpha*"}), vec![1]),
        (json!({"text": "-beta*"}), vec![1]),
        (json!({"text": "fileSize:>10"}), vec![2]),
        (json!({"filter": {"datafileFormat.name": "NeXus"}}), vec![1, 2]),
        (json!({"filter": {"DatafileFormat.name": ["CSV", "NeXus"]}}), vec![1, 2]),
        (json!({"filter": {"fileSize": {"from": 15, "to": 20}}}), vec![2]),
        (json!({"filter": {"investigationInstrument.instrument.name": "BL1"}}), vec![1, 2]),
        (json!({"filter": {"investigationInstrument.instrument.name": "BL2"}}), vec![]),
        (json!({}), vec![1, 2]),
    ] {
        assert_eq!(server.find_datafiles(query.clone()).await, expected, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn words_that_are_not_required_decide_which_rows_come_first() {
    let server = IcatServer::start().await;
    server
        .add_documents(
            "Datafile",
            &json!([datafile(1, "alpha.nxs"), datafile(2, "beta.nxs"), datafile(3, "gamma.nxs")]),
        )
        .await;
    server.commit().await;
    for (text, expected) in [("+nexus beta.nxs", [2, 1, 3]), ("+nexus gamma.nxs -name:delta*", [3, 1, 2])] {
        let body = json!({"query": {"text": text}, "fields": ["id"]});
        let answer = server.search_documents("datafile", "maxResults=9", &body).await;
        assert_eq!(list_ids(&answer), expected, "{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn documents_sent_again_replace_the_earlier_ones() {
    let server = IcatServer::start().await;
    let files: Vec<Value> = (1..=200).map(|id| datafile(id, &format!("f{id}.h5"))).collect();
    for _ in 0..3 {
        server.add_documents("datafile", &json!(files)).await;
    }
    let create = json!([{"create": {"_index": "Datafile", "_id": 1, "doc": datafile(1, "renamed.h5")}}]);
    server.modify(&create).await;
    server.modify(&create).await;
    assert_eq!(server.find_datafiles(json!({"text": "renamed.h5"})).await, [1]);
    let answer = server.search_documents("datafile", "maxResults=1", &json!({"query": {}, "fields": []})).await;
    assert_eq!(answer["total"], 200);
    server.stop().await;
}

#[tokio::test]
async fn a_new_name_of_a_dataset_is_shown_with_its_files_and_a_deleted_dataset_takes_them_along() {
    let server = IcatServer::start().await;
    server.add_documents("Datafile", &json!([datafile(1, "a.h5")])).await;
    let dataset = json!({"id": 3, "name": "second scan", "investigation.id": 2, "type.id": 4, "type.name": "raw"});
    server.modify(&json!([{"update": {"_index": "Dataset", "_id": 3, "doc": dataset}}])).await;
    let body = json!({"query": {}, "fields": ["dataset.name"]});
    let answer = server.search_documents("datafile", "maxResults=1", &body).await;
    assert_eq!(answer["results"][0]["_source"], json!({"dataset.name": "second scan"}));

    server.modify(&json!([{"delete": {"_index": "Dataset", "_id": 3}}])).await;
    assert!(server.find_datafiles(json!({})).await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other_by_relevance_and_by_sort_keys() {
    let server = IcatServer::start().await;
    let files: Vec<Value> = (1..=25).map(|id| datafile(id, &format!("f{}.h5", id % 5))).collect();
    server.add_documents("Datafile", &json!(files)).await;
    server.commit().await;
    for sort in ["{}", r#"{"name":"asc"}"#, r#"{"name":"desc"}"#, r#"{"fileSize":"desc"}"#, r#"{"dataset.id":"asc"}"#] {
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let parameters = [("maxResults", "10"), ("sort", sort), ("search_after", &after)];
            let body = json!({"query": {}, "fields": ["id"]});
            let (status, answer) = server.send(server.post("datafile").query(&parameters).json(&body)).await;
            assert_eq!(status, 200, "{answer}");
            seen.extend(list_ids(&answer));
            let Some(next) = answer.get("search_after") else { break };
            // The numbers of document and shard do not matter.
            let mut next = next.clone();
            next["doc"] = json!(99_999);
            next["shardIndex"] = json!(7);
            after = next.to_string();
        }
        let mut ids = seen.clone();
        ids.sort_unstable();
        assert_eq!(ids, (1..=25).collect::<Vec<i64>>(), "{sort}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_entity_is_locked_while_it_is_populated() {
    let server = IcatServer::start().await;
    let message = |(status, body): (u16, Value)| (status, body["message"].as_str().unwrap_or_default().to_owned());
    server.send_accepted(server.post("lock/Datafile?minId=0&delete=true")).await;
    assert_eq!(
        message(server.send(server.post("lock/Datafile?delete=true")).await),
        (406, "Lucene already locked for Datafile".to_owned())
    );
    server.add_documents("Datafile", &json!([datafile(1, "a.h5"), datafile(7, "b.h5")])).await;
    server.send_accepted(server.post("unlock/Datafile")).await;
    assert_eq!(server.find_datafiles(json!({})).await, [1, 7], "visible after the unlock");
    assert_eq!(
        message(server.send(server.post("unlock/Datafile")).await),
        (406, "Lucene is not currently locked for Datafile".to_owned())
    );

    let found = (400, "While locking index, found id 7 in specified range".to_owned());
    assert_eq!(message(server.send(server.post("lock/Datafile?minId=1&delete=false")).await), found);
    assert_eq!(message(server.send(server.post("lock/datafile?delete=false")).await), found);
    server.send_accepted(server.post("lock/Datafile?minId=7&delete=false")).await;
    server.send_accepted(server.post("unlock/Datafile")).await;
    // Datasets are only known from the documents of their files.
    server.send_accepted(server.post("lock/Dataset?delete=false")).await;
    server.send_accepted(server.post("unlock/Dataset")).await;
    // After a failure, an operator ends the lock and keeps all documents.
    server.send_accepted(server.post("lock/Datafile?delete=true")).await;
    server.send_accepted(server.post("unlock/Datafile?cancel=true")).await;
    assert_eq!(server.find_datafiles(json!({})).await, [1, 7]);
    // Entities of ICAT that are not indexed are accepted, others are not.
    server.send_accepted(server.post("lock/Shift?delete=true")).await;
    let (status, answer) = server.send(server.post("lock/Colour?delete=true")).await;
    assert_eq!((status, &answer["message"]), (400, &json!("Colour is not an entity of ICAT")));
    server.stop().await;
}

#[tokio::test]
async fn an_entity_that_is_populated_again_is_found_all_the_time() {
    let server = IcatServer::start().await;
    server.add_documents("Datafile", &json!([datafile(1, "old.h5"), datafile(2, "kept.h5")])).await;
    server.add_documents("Dataset", &json!([{"id": 30, "name": "other"}])).await;
    server.send_accepted(server.post("lock/Datafile?minId=0&delete=true")).await;
    server.commit().await;
    assert_eq!(server.find_datafiles(json!({})).await, [1, 2], "before the first document");
    server.add_documents("Datafile", &json!([datafile(2, "kept.h5"), datafile(3, "new.h5")])).await;
    // A change during the lock is not lost.
    server.modify(&json!([{"create": {"_index": "Datafile", "_id": 4, "doc": datafile(4, "live.h5")}}])).await;
    assert_eq!(server.find_datafiles(json!({})).await, [1, 2, 3, 4], "before the unlock");
    server.send_accepted(server.post("unlock/Datafile")).await;
    assert_eq!(server.find_datafiles(json!({})).await, [2, 3, 4]);
    let datasets = server.search_documents("dataset", "maxResults=9", &json!({"query": {}})).await;
    assert_eq!(datasets["total"], 1, "other entities keep their rows");
    // A lock that was never ended does not protect what it left behind.
    server.send_accepted(server.post("lock/Datafile?delete=true")).await;
    server.send_accepted(server.post("unlock/Datafile")).await;
    assert!(server.find_datafiles(json!({})).await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_document_that_cannot_be_indexed_is_set_aside_and_stops_nothing() {
    let server = IcatServer::start().await;
    let (mut no_name, mut no_id) = (datafile(2, "b.h5"), datafile(3, "c.h5"));
    no_name["name"] = json!(7);
    no_id.as_object_mut().unwrap().remove("id");
    let mut long_path = datafile(4, "d.h5");
    long_path["location"] = json!("/a".repeat(3_000));
    server.add_documents("Datafile", &json!([datafile(1, "a.h5"), no_name, no_id, long_path])).await;
    server.commit().await;
    assert_eq!(server.find_datafiles(json!({})).await, [1, 4], "a path that is too long is only not found itself");
    assert_eq!(server.find_datafiles(json!({"text": "d.h5"})).await, [4]);
    assert_eq!(server.app.metric("undulator_search_rejected_documents_total").await, Some(2.0));
    server.stop().await;
}

#[tokio::test]
async fn a_change_during_a_population_is_newer_than_the_documents_that_are_sent() {
    let server = IcatServer::start().await;
    server.add_documents("Datafile", &json!([datafile(1, "a.h5"), datafile(2, "old.h5")])).await;
    server.send_accepted(server.post("lock/Datafile?minId=0&delete=true")).await;
    server.send_accepted(server.post("lock/Dataset?minId=0&delete=true")).await;
    // icat.server has read the files, and sends them after they were deleted and renamed.
    server
        .modify(&json!([
            {"delete": {"_index": "Datafile", "_id": 1}},
            {"update": {"_index": "Datafile", "_id": 2, "doc": datafile(2, "new.h5")}},
        ]))
        .await;
    server.add_documents("Datafile", &json!([datafile(1, "a.h5"), datafile(2, "old.h5")])).await;
    server.send_accepted(server.post("unlock/Datafile")).await;
    assert_eq!(server.find_datafiles(json!({})).await, [2]);
    assert_eq!(server.find_datafiles(json!({"text": "new.h5"})).await, [2]);
    // The end of the other population applies them again, which changes nothing.
    server.send_accepted(server.post("unlock/Dataset")).await;
    assert_eq!(server.find_datafiles(json!({})).await, [2]);
    server.stop().await;
}

#[tokio::test]
async fn a_query_that_asks_for_too_much_is_refused() {
    let server = IcatServer::start().await;
    server.add_documents("Datafile", &json!([datafile(1, "a.h5")])).await;
    server.commit().await;
    for (text, expected) in [
        (format!("{}~2", "ab".repeat(40)), "a fuzzy word has at most 64 characters"),
        (format!("\"{}\"", "b ".repeat(100)), "a phrase has at most 64 words, but this one has 100"),
        ("b,".repeat(100), "a phrase has at most 64 words, but this one has 100"),
        ("a* ".repeat(20), "a query has at most 16 wildcards, ranges of words and fuzzy words"),
    ] {
        let (status, answer) =
            server.send(server.post("datafile?maxResults=1").json(&json!({"query": {"text": text}}))).await;
        assert_eq!((status, &answer["message"]), (400, &json!(expected)), "{text}");
    }
    let (status, answer) = server.send(server.post("datafile?maxResults=100001").json(&json!({"query": {}}))).await;
    assert_eq!((status, &answer["message"]), (400, &json!("maxResults must not be greater than 100000")));
    server.stop().await;
}

#[tokio::test]
async fn other_services_hear_what_has_changed() {
    let app = TestApp::start(&[search::SERVICE, recorder::SERVICE], &add_engine("")).await;
    let server = IcatServer { app };
    server
        .modify(&json!([
            {"create": {"_index": "Datafile", "_id": 1, "doc": datafile(1, "a.h5")}},
            {"create": {"_index": "Datafile", "_id": 2, "doc": datafile(2, "b.h5")}},
            {"update": {"_index": "Instrument", "_id": 70, "doc": {"instrument.id": 70, "instrument.name": "BL1"}}},
            {"delete": {"_index": "Datafile", "_id": 9}},
            {"create": {"_index": "Colour", "_id": 1, "doc": {"id": 1}}},
        ]))
        .await;
    server.app.drain().await;
    let mut changes: Vec<(String, i32, Vec<i64>)> = server
        .app
        .recorded_events::<EntityChanged>()
        .await
        .into_iter()
        .map(|event| (event.entity, event.verb, event.ids))
        .collect();
    changes.sort();
    let row = |entity: &str, verb: Verb, ids: &[i64]| (entity.to_owned(), i32::from(verb), ids.to_vec());
    assert_eq!(
        changes,
        [
            row("Datafile", Verb::Created, &[1, 2]),
            row("Datafile", Verb::Deleted, &[9]),
            row("Instrument", Verb::Updated, &[70]),
        ]
    );
    server.stop().await;
}

#[tokio::test]
async fn values_are_counted() {
    let server = IcatServer::start().await;
    let mut csv = datafile(3, "c.csv");
    csv["datafileFormat.id"] = json!(10);
    csv["datafileFormat.name"] = json!("CSV");
    server.add_documents("Datafile", &json!([datafile(1, "a.h5"), datafile(2, "b.h5"), csv])).await;
    server.commit().await;
    let body = json!({"query": {"id": [1, 2, 3]}, "dimensions": [
        {"dimension": "datafileFormat.name"},
        {"dimension": "date", "ranges": [{"from": 0, "to": 2000, "key": "a"}, {"from": 2000}]},
    ]});
    let answer = server.search_documents("Datafile/facet", "maxResults=1000&maxLabels=10", &body).await;
    assert_eq!(
        answer,
        json!({"aggregations": {
            "datafileFormat.name": {"buckets": {"NeXus": {"doc_count": 2}, "CSV": {"doc_count": 1}}},
            "date": {"buckets": {
                "a": {"doc_count": 1, "from": 0, "to": 1999},
                "2000-9223372036854775807": {"doc_count": 2, "from": 2000, "to": 9_223_372_036_854_775_806_i64},
            }},
        }})
    );
    let sparse =
        server.search_documents("datafile/facet", "maxResults=1000&maxLabels=1", &json!({"query": {"id": []}})).await;
    assert_eq!(sparse, json!({"aggregations": {}}), "no ids, no counts");
    server.stop().await;
}

#[tokio::test]
async fn mistakes_have_the_texts_that_icat_server_shows() {
    let server = IcatServer::start().await;
    server.add_documents("Datafile", &json!([datafile(1, "a.h5")])).await;
    server.commit().await;
    let search = |body: Value| server.post("datafile?maxResults=1").json(&body);
    for (request, status, expected) in [
        (search(json!({"query": {"text": "a AND"}})), 400, "Search term could not be parsed due to syntax errors"),
        (search(json!({"query": {"text": ""}})), 400, "Search term could not be parsed due to syntax errors"),
        (
            search(json!({"query": {"lower": "2024"}})),
            400,
            "Could not parse date 2024 using expected format yyyyMMddHHmm",
        ),
        (search(json!({"query": {}, "fields": ["a b c"]})), 400, "Could not parse field: a b c"),
        (
            search(json!({"query": {"filter": {"name": 7}}})),
            400,
            "filter object values should be STRING or OBJECT, but were NUMBER",
        ),
        (
            search(json!({"query": {"text": format!("name:*a{}", "?".repeat(40))}})),
            400,
            "this pattern has too many wildcards; use fewer of them",
        ),
        (server.post("modify").body("{}"), 400, "the body must be an array, but is an object"),
        (server.post("unknown"), 501, "Operation not implemented by this icat.lucene server."),
        (server.post("Datafile?maxResults=1"), 501, "Operation not implemented by this icat.lucene server."),
    ] {
        let (actual, answer) = server.send(request).await;
        assert_eq!((actual, &answer["message"]), (status, &json!(expected)), "{answer}");
        assert!(answer["code"].is_string());
    }
    server.stop().await;
}
