//! Writes that are sent together.

use std::time::Duration;

use backon::{BlockingRetryable as _, ExponentialBuilder};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Call;
use super::cluster::OpenSearchIndex;
use super::document::SOURCE;
use super::names::parse_document_id;
use crate::domain::change_request::RejectedDocument;
use crate::index::error::IndexError;

/// Writes of one request, at most; what OpenSearch recommends is 5 to 15 MB.
const MAX_WRITES: usize = 5_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// While the cluster has too much to do, the same writes are sent again after growing pauses, so many times.
const TRIES_WHILE_BUSY: usize = 5;

/// Writes that have not been sent.
#[derive(Default)]
pub struct BulkRequest {
    body: String,
    writes: usize,
    refused: Vec<RejectedDocument>,
}

impl BulkRequest {
    /// Replaces the document unless a later version is there.
    pub fn add_index(&mut self, index: &str, id: &str, version: i64, document: &Value) {
        self.add_line(&json!({"index": {
            "_index": index, "_id": id, "version": version, "version_type": "external_gte",
        }}));
        self.add_line(document);
        self.writes += 1;
    }

    /// Creates the document unless there is one.
    pub fn add_create(&mut self, index: &str, id: &str, document: &Value) {
        self.add_line(&json!({"create": {"_index": index, "_id": id}}));
        self.add_line(document);
        self.writes += 1;
    }

    /// Deletes the document unless a later version is there.
    pub fn add_delete(&mut self, index: &str, id: &str, version: i64) {
        self.add_line(&json!({"delete": {
            "_index": index, "_id": id, "version": version, "version_type": "external_gte",
        }}));
        self.writes += 1;
    }

    fn add_line(&mut self, line: &Value) {
        self.body.push_str(&line.to_string());
        self.body.push('\n');
    }

    pub fn is_full(&self) -> bool {
        self.writes >= MAX_WRITES || self.body.len() >= MAX_BYTES
    }

    /// Sends all writes; they are on disk when this returns. Blocks the thread.
    pub fn send(&mut self, index: &OpenSearchIndex) -> Result<(), IndexError> {
        if self.writes == 0 {
            return Ok(());
        }
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(5))
            .with_max_times(TRIES_WHILE_BUSY)
            .with_jitter();
        let refused = (|| send_once(index, &self.body)).retry(pauses).when(is_busy).call()?;
        self.refused.extend(refused);
        self.body.clear();
        self.writes = 0;
        Ok(())
    }

    /// The documents that were refused for good since this was called last.
    pub fn take_refused(&mut self) -> Vec<RejectedDocument> {
        std::mem::take(&mut self.refused)
    }
}

fn is_busy(error: &IndexError) -> bool {
    matches!(error, IndexError::Unavailable(_))
}

fn send_once(index: &OpenSearchIndex, body: &str) -> Result<Vec<RejectedDocument>, IndexError> {
    index.check_writable()?;
    let answer =
        index.client.request_json(Call::new(Method::POST, "/_bulk", "_bulk".to_owned()).with_body(body.to_owned()))?;
    let mut refused = Vec::new();
    if answer["errors"] == json!(false) {
        return Ok(refused);
    }
    for item in answer["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let Some(outcome) = item.as_object().and_then(|item| item.values().next()) else { continue };
        let reason = || format!("{}: {}", outcome["error"]["type"], outcome["error"]["reason"]);
        match outcome["status"].as_u64().unwrap_or_default() {
            // 409: there is a later version, or a document that was to be created only if there is none. 404: it is deleted.
            200..300 | 404 | 409 => {}
            400 => refused.push(describe_refusal(outcome["_id"].as_str().unwrap_or_default(), reason(), body)),
            _ => return Err(IndexError::Unavailable(reason())),
        }
    }
    Ok(refused)
}

/// The refused document, with what it says of its row.
fn describe_refusal(id: &str, reason: String, body: &str) -> RejectedDocument {
    let action = format!("\"_id\":\"{id}\"");
    let mut lines = body.lines().skip_while(|line| !line.contains(&action)).skip(1);
    let document: Value = lines.next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let entity = id.split_once('-').map_or(id, |(entity, _)| entity).to_owned();
    let entity_id = parse_document_id(id).unwrap_or_default();
    RejectedDocument { entity, entity_id, reason, document: document[SOURCE].to_string() }
}
