//! The recorded exchanges, and the documents that they contain.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// A request of icat.server and the answer of icat.lucene.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    pub number: u32,
    /// What an administrator or a user did.
    pub step: String,
    pub method: String,
    /// With the query.
    pub path: String,
    #[serde(default)]
    pub body: Value,
    /// The length of a body whose end is not in the recording.
    #[serde(rename = "body_bytes")]
    pub _body_bytes: Option<u64>,
    pub status: u16,
    #[serde(default)]
    pub answer: Value,
    /// The rows in the part of a long answer that is in the recording. `answer` has some of them.
    pub ids: Option<Vec<i64>>,
    /// The length of an answer whose end is not in the recording.
    pub answer_bytes: Option<u64>,
}

impl Exchange {
    pub fn operation(&self) -> &str {
        self.path.split('?').next().and_then(|path| path.strip_prefix("/icat.lucene/")).expect("a path of icat.lucene")
    }

    pub fn is_search(&self) -> bool {
        matches!(self.operation(), "datafile" | "dataset" | "investigation")
    }

    pub fn is_sorted(&self) -> bool {
        self.path.contains("sort=")
    }

    /// The recorded rows of a search.
    pub fn rows(&self) -> &[Value] {
        self.answer["results"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// In the order of the recording, with all documents in full. The first line of the file says what was recorded.
pub fn list_exchanges() -> Vec<Exchange> {
    let mut lines = include_str!("exchanges.jsonl").lines();
    let header: Value = serde_json::from_str(lines.next().expect("a header")).unwrap();
    assert!(header["recorded"].as_str().unwrap().starts_with("icat.server 6.2.0 with icat.lucene 4.0.0"), "{header}");
    let mut all: Vec<Exchange> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    for exchange in &mut all {
        let Value::Array(documents) = &mut exchange.body else { continue };
        for document in documents.iter_mut() {
            if let Value::Array(short) = document {
                *document = expand_document(short);
            }
        }
        // Documents of the same shape as those that are not in the recording, so that pages of 1000 rows are full.
        match exchange.number {
            DATASETS => {
                documents.extend((50..100).map(|dataset| generated_dataset(100_006 + dataset, dataset, 1_795_882_000)));
            }
            LAST_FILES => {
                documents.extend((0..1000).map(|file| generated_file(198_073 + file, 98, file, 1_795_882_000)));
            }
            _ => {}
        }
    }
    all
}

/// The exchanges with the datasets and with the last files. The recording has only the beginning of both.
const DATASETS: u32 = 9;
const LAST_FILES: u32 = 72;

fn expand_document(short: &[Value]) -> Value {
    let number = |position: usize| short[position].as_i64().unwrap();
    match (short[0].as_str(), short.len()) {
        (Some("scan"), 5) => generated_file(number(1), number(2), number(3), number(4)),
        (Some("big"), 4) => generated_dataset(number(1), number(2), number(3)),
        _ => panic!("no document is written as {short:?}"),
    }
}

fn generated_file(id: i64, dataset: i64, file: i64, date_seconds: i64) -> Value {
    json!({
        "name": format!("scan_{dataset:03}_{file:05}.h5"), "location": format!("big/{dataset:03}/{file:05}.h5"),
        "fileSize": 1000 + file, "fileCount": 1, "datafileFormat.name": "CSV", "datafileFormat.id": 246,
        "date": date_seconds * 1000, "id": id, "dataset.id": 100_006 + dataset, "dataset.name": format!("big{dataset:03}"),
        "investigation.id": 333, "investigation.name": "10100601-ST", "visitId": "1.1-N",
        "investigation.startDate": 1_285_842_444_000_i64,
    })
}

fn generated_dataset(id: i64, dataset: i64, end_seconds: i64) -> Value {
    json!({
        "name": format!("big{dataset:03}"), "startDate": 1_609_459_200_000_i64, "date": 1_609_459_200_000_i64,
        "endDate": end_seconds * 1000, "fileSize": 0, "fileCount": 0, "id": id, "investigation.id": 333,
        "investigation.name": "10100601-ST", "investigation.title": "Ni-Mn-Ga flat cone", "visitId": "1.1-N",
        "investigation.startDate": 1_285_842_444_000_i64, "type.name": "raw", "type.id": 266,
    })
}

/// The documents that `addNow` sent, by the name of their entity in small letters and their id.
pub fn list_documents(exchanges: &[Exchange]) -> BTreeMap<(String, i64), Value> {
    let mut documents = BTreeMap::new();
    for exchange in exchanges {
        let Some(entity) = exchange.operation().strip_prefix("addNow/") else { continue };
        for document in exchange.body.as_array().unwrap() {
            if let Some(id) = document["id"].as_i64() {
                documents.insert((entity.to_lowercase(), id), document.clone());
            }
        }
    }
    documents
}
