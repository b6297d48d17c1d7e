//! Replays what an icat.server 6.2.0 sent to icat.lucene 4.0.0 and compares the answers.
//!
//! [`differences`] lists every answer that is not the recorded one, with the reason, and what cannot be compared. Besides, each
//! answer to a search has the number of all rows as `total`, and `_id` and scores are others.

mod differences;
mod exchanges;

use std::collections::BTreeMap;

use reqwest::{Body, Url};
use serde_json::{Map, Value, json};
use testkit::{Backend, TestApp};

use self::differences::{
    FOUND_INSTEAD, NEXT_PAGE_BY_RELEVANCE, NOT_COMPARED, NOT_FOUND, Rows, samples_of_investigation,
};
use self::exchanges::{Exchange, list_documents, list_exchanges};
use crate::engine::{add_engine, list_databases};

type Documents = BTreeMap<(String, i64), Value>;

#[tokio::test]
async fn the_answers_to_an_icat_server_are_those_of_icat_lucene() {
    for backend in list_databases() {
        replay(&backend).await;
    }
}

async fn replay(backend: &Backend) {
    let exchanges = list_exchanges();
    let documents = list_documents(&exchanges);
    let app = TestApp::start_on(backend, &[search::SERVICE], &add_engine("")).await;
    assert_eq!(post(&app, "/icat.lucene/clear", None).await, (204, Value::Null));
    let mut previous = Value::Null;
    for exchange in &exchanges {
        let case = format!("{} {} on {backend:?}", exchange.number, exchange.step);
        assert_eq!(exchange.method, "POST", "{case}");
        let (status, answer) = post(&app, &adapt_path(exchange, &previous), Some(exchange)).await;
        if exchange.is_search() && exchange.status != 400 {
            assert_eq!(status, 200, "{case}: {answer}");
            compare_rows(&case, exchange, &answer, &documents);
            previous = answer;
        } else {
            assert_eq!((status, &answer), (exchange.status, &exchange.answer), "{case}");
        }
        check_modified_rows(&app, exchange.number).await;
    }
    assert_eq!(exchanges.len(), 125);
    app.stop().await;
}

/// The status and the answer; null if there is none.
async fn post(app: &TestApp, path: &str, exchange: Option<&Exchange>) -> (u16, Value) {
    let mut request = app.http.post(format!("{}{path}", app.internal));
    match exchange {
        Some(exchange) if exchange.operation().starts_with("addNow/") => {
            // Chunked and without `Content-Type`, as icat.server does.
            let body = Ok::<_, std::io::Error>(exchange.body.to_string());
            request = request.body(Body::wrap_stream(futures_util::stream::iter([body])));
        }
        Some(exchange) if !exchange.body.is_null() => request = request.json(&exchange.body),
        _ => {}
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

/// The path as recorded; the next page by relevance goes on after the score of our row.
fn adapt_path(exchange: &Exchange, previous: &Value) -> String {
    if exchange.number != NEXT_PAGE_BY_RELEVANCE {
        assert!(!exchange.path.contains("search_after"), "{}", exchange.number);
        return exchange.path.clone();
    }
    let mut url = Url::parse("http://icat.example").unwrap().join(&exchange.path).unwrap();
    let mut parameters: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let mut after: Value = serde_json::from_str(&parameters["search_after"]).unwrap();
    let last = after["fields"][1].clone();
    let row = list_rows(previous).iter().find(|row| row["_source"]["id"] == last).unwrap();
    after["score"] = row["_score"].clone();
    after["fields"][0] = row["_score"].clone();
    parameters.insert("search_after".to_owned(), after.to_string());
    url.query_pairs_mut().clear().extend_pairs(parameters);
    format!("{}?{}", url.path(), url.query().unwrap())
}

fn list_rows(answer: &Value) -> &[Value] {
    answer["results"].as_array().unwrap()
}

fn list_ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["_source"]["id"].as_i64().unwrap()).collect()
}

fn compare_rows(case: &str, exchange: &Exchange, answer: &Value, documents: &Documents) {
    let rows = list_rows(answer);
    check_shape(case, exchange, answer);
    let mut ids = list_ids(rows);
    if let Some(difference) = FOUND_INSTEAD.iter().find(|difference| difference.exchange == exchange.number) {
        assert_eq!((exchange.status, exchange.rows().len()), (difference.recorded_status, 0), "{case}");
        assert_eq!(ids, find_rows(&difference.rows, documents), "{case}: {}", difference.reason);
    } else {
        assert_eq!(exchange.status, 200, "{case}");
        let mut recorded = exchange.ids.clone().unwrap_or_else(|| list_ids(exchange.rows()));
        if exchange.answer_bytes.is_some() {
            ids.truncate(recorded.len());
        } else if is_ordered_by_relevance(exchange) {
            ids.sort_unstable();
            recorded.sort_unstable();
        }
        for (_, missing, reason) in NOT_FOUND.iter().filter(|(number, _, _)| *number == exchange.number) {
            assert!(missing.iter().all(|id| recorded.contains(id) && !ids.contains(id)), "{case}: {reason}");
            recorded.retain(|id| !missing.contains(id));
        }
        assert_eq!(ids, recorded, "{case}");
    }
    for row in rows {
        compare_source(case, exchange, row, documents);
    }
}

/// What is the same for all searches.
fn check_shape(case: &str, exchange: &Exchange, answer: &Value) {
    let rows = list_rows(answer);
    for row in rows {
        assert!(row["_id"].is_i64() && row["_shardIndex"].is_i64(), "{case}: {row}");
        assert_eq!(row["_score"].is_f64(), !exchange.is_sorted(), "{case}: {row}");
    }
    for recorded in exchange.rows() {
        assert_eq!(recorded["_score"].is_f64(), !exchange.is_sorted(), "{case}: {recorded}");
    }
    let is_full = rows.len() == 1000;
    assert!(exchange.path.contains("maxResults=1000"), "{case}");
    assert_eq!(answer.get("search_after").is_some(), is_full, "{case}");
    let total = answer["total"].as_u64().unwrap();
    let found = u64::try_from(rows.len()).unwrap();
    assert!(total == found || is_full && total > found, "{case}: {total}");
    let is_cut = NOT_COMPARED.iter().any(|(number, _)| *number == exchange.number);
    assert_eq!(is_cut, exchange.answer_bytes.is_some(), "{case}");
    assert!(is_cut || exchange.answer.get("search_after").is_some() == is_full, "{case}");
}

fn find_rows(rows: &Rows, documents: &Documents) -> Vec<i64> {
    match rows {
        Rows::Ids(ids) => ids.to_vec(),
        Rows::DatasetsOfType(name) => documents
            .iter()
            .filter(|((entity, _), document)| entity == "dataset" && document["type.name"] == *name)
            .map(|((_, id), _)| *id)
            .collect(),
    }
}

/// Otherwise the order is that of the keys, or of the ids of rows with the same score.
fn is_ordered_by_relevance(exchange: &Exchange) -> bool {
    let mut scores: Vec<&Value> = exchange.rows().iter().map(|row| &row["_score"]).collect();
    scores.dedup();
    scores.len() > 1
}

/// Compares a row with the recorded one, and its own fields with the document that icat.server sent.
fn compare_source(case: &str, exchange: &Exchange, row: &Value, documents: &Documents) {
    let source = &row["_source"];
    let id = source["id"].as_i64().unwrap();
    let recorded = exchange.rows().iter().find(|recorded| recorded["_source"]["id"] == id);
    if let Some(mut expected) = recorded.map(|recorded| recorded["_source"].clone()) {
        if expected.get("sample").is_some() {
            assert_eq!(expected["sample"], json!([]), "{case}: icat.lucene shows no samples");
            expected["sample"] = samples_of_investigation(id);
        }
        assert_eq!(source, &expected, "{case}");
    }
    let document = &documents[&(exchange.operation().to_owned(), id)];
    let asked = |name: &str| exchange.body["fields"].as_array().unwrap().iter().any(|field| field == name);
    let own = |fields: &Value| -> Map<String, Value> {
        let fields = fields.as_object().unwrap().iter().filter(|(name, value)| asked(name) && !value.is_array());
        fields.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    assert_eq!(own(source), own(document), "{case}");
    // Rows of the same investigation have the same instruments.
    let same = |other: &&Value| other["_source"]["investigation.id"] == source["investigation.id"];
    if let Some(same) = exchange.rows().iter().find(same).filter(|_| !source["investigation.id"].is_null()) {
        assert_eq!(source["investigationinstrument"], same["_source"]["investigationinstrument"], "{case}");
    }
}

/// No search was recorded after the changes of single rows; what must be found follows from their documents.
async fn check_modified_rows(app: &TestApp, number: u32) {
    let expected: (&[i64], &[i64]) = match number {
        121 => (&[204_303, 204_304], &[333, 100_002]),
        123 => (&[204_303], &[333, 100_002]),
        125 => (&[], &[333]),
        _ => return,
    };
    let files = json!({
        "query": {"text": "dataset.name:LUCDS"},
        "fields": ["id", "description", "dataset.name", "investigation.name", "InvestigationInstrument instrument.id"],
    });
    let investigations = json!({
        "query": {"user": "db/ahau"},
        "fields": ["id", "title", "Sample sample.name", "InvestigationParameter type.name"],
    });
    let files = search_rows(app, "datafile", &files).await;
    let investigations = search_rows(app, "investigation", &investigations).await;
    assert_eq!((&*list_ids(&files), &*list_ids(&investigations)), expected, "after {number}");
    if number == 121 {
        let file = json!({
            "id": 204_304, "description": "descr", "dataset.name": "LUCDS", "investigation.name": "LUC",
            "investigationinstrument": [],
        });
        assert_eq!(files[1]["_source"], file);
        let investigation = json!({
            "id": 100_002, "title": "changed title", "sample": [{"sample.name": "samp"}], "investigationparameter": [],
        });
        assert_eq!(investigations[1]["_source"], investigation);
    }
}

/// Rows in the order of their ids.
async fn search_rows(app: &TestApp, target: &str, body: &Value) -> Vec<Value> {
    let url = format!("{}/icat.lucene/{target}", app.internal);
    let request = app.http.post(url).query(&[("maxResults", "10"), ("sort", r#"{"id":"asc"}"#)]).json(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    list_rows(&answer).to_vec()
}
