//! Searches that all see the index as it was when the first of them was made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde_json::{Value, json};

use super::client::Call;
use super::cluster::OpenSearchIndex;
use super::names::IndexKind;
use crate::domain::deadline::Deadline;
use crate::index::error::IndexError;

/// How long the cluster keeps a point in time after it was used last; a minute more than cursors are valid.
const POINT_KEPT_FOR: &str = "6m";

/// A point in time of each index, which begins with the first search of it.
pub struct PointsInTime {
    index: Arc<OpenSearchIndex>,
    /// How often the index had been committed.
    commits: u64,
    points: Mutex<BTreeMap<IndexKind, String>>,
}

impl PointsInTime {
    pub fn new(index: Arc<OpenSearchIndex>) -> Self {
        let commits = index.count_commits();
        Self { index, commits, points: Mutex::default() }
    }

    pub fn index(&self) -> &OpenSearchIndex {
        &self.index
    }

    /// Runs a search at the point in time of this view.
    pub fn search_index(&self, kind: IndexKind, mut body: Value, deadline: Deadline) -> Result<Value, IndexError> {
        deadline.check()?;
        let answer = match self.search_at_point(kind, &mut body, deadline) {
            // Nothing has changed since, so that a new point in time shows the same rows.
            Err(IndexError::PointInTimeEnded) if self.index.count_commits() == self.commits => {
                self.points.lock().unwrap_or_else(PoisonError::into_inner).remove(&kind);
                self.search_at_point(kind, &mut body, deadline)
            }
            answer => answer,
        };
        // Whatever the cluster says of it.
        if answer.is_err() {
            deadline.check()?;
        }
        let answer = answer?;
        if answer["timed_out"] == json!(true) {
            return Err(deadline.passed().into());
        }
        Ok(answer)
    }

    fn search_at_point(&self, kind: IndexKind, body: &mut Value, deadline: Deadline) -> Result<Value, IndexError> {
        let point = self.find_point(kind, deadline)?;
        body["pit"] = json!({"id": point, "keep_alive": POINT_KEPT_FOR});
        body["timeout"] = format!("{}ms", deadline.remaining().as_millis().clamp(1, 86_400_000)).into();
        let is_scored = body["track_scores"] == json!(true);
        let search_type = if is_scored { "dfs_query_then_fetch" } else { "query_then_fetch" };
        let path = format!("_search?allow_partial_search_results=false&search_type={search_type}");
        self.index.client.request_json(Call::new(Method::POST, "/_search", path).with_json(body).until(deadline))
    }

    fn find_point(&self, kind: IndexKind, deadline: Deadline) -> Result<String, IndexError> {
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(point) = points.get(&kind) {
            return Ok(point.clone());
        }
        let alias = self.index.names.alias(kind);
        let path = format!("{alias}/_search/point_in_time?keep_alive={POINT_KEPT_FOR}");
        let call = Call::new(Method::POST, "/{index}/_search/point_in_time", path).until(deadline);
        let answer = self.index.client.find_json(call)?;
        let answer = answer.ok_or_else(|| IndexError::Unavailable(format!("there is no index {alias} yet")))?;
        let point = answer["pit_id"].as_str().unwrap_or_default().to_owned();
        points.insert(kind, point.clone());
        Ok(point)
    }
}

impl Drop for PointsInTime {
    fn drop(&mut self) {
        let points = std::mem::take(self.points.get_mut().unwrap_or_else(PoisonError::into_inner));
        if points.is_empty() {
            return;
        }
        let body = json!({"pit_id": points.values().collect::<Vec<_>>()});
        let path = "_search/point_in_time";
        self.index
            .client
            .send_later(Call::new(Method::DELETE, "/_search/point_in_time", path.to_owned()).with_json(&body));
    }
}
