//! Searches that all see the index as it was when the first of them was made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    identity: String,
    /// How often the index had been committed.
    commits: u64,
    points: Mutex<BTreeMap<IndexKind, String>>,
}

impl PointsInTime {
    pub fn new(index: Arc<OpenSearchIndex>, identity: &str) -> Self {
        let commits = index.count_commits();
        Self { index, identity: identity.to_owned(), commits, points: Mutex::default() }
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
                self.lock_points().remove(&kind);
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
        let known = self.lock_points().get(&kind).cloned();
        if let Some(point) = known {
            return Ok(point);
        }
        let index = self.index.names.index(kind, &self.identity);
        let path = format!("{index}/_search/point_in_time?keep_alive={POINT_KEPT_FOR}");
        let call = Call::new(Method::POST, "/{index}/_search/point_in_time", path).until(deadline);
        let answer = self.index.client.find_json(call)?;
        let answer = answer.ok_or_else(|| IndexError::Unavailable(format!("there is no index {index} yet")))?;
        let opened = answer["pit_id"].as_str().unwrap_or_default().to_owned();
        // Another search may have opened one meanwhile.
        let point = self.lock_points().entry(kind).or_insert_with(|| opened.clone()).clone();
        if point != opened {
            self.close_points(&[&opened]);
        }
        Ok(point)
    }

    fn lock_points(&self) -> MutexGuard<'_, BTreeMap<IndexKind, String>> {
        self.points.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close_points(&self, points: &[&String]) {
        let call = Call::new(Method::DELETE, "/_search/point_in_time", "_search/point_in_time".to_owned());
        self.index.client.send_later(call.with_json(&json!({"pit_id": points})));
    }
}

impl Drop for PointsInTime {
    fn drop(&mut self) {
        let points = std::mem::take(&mut *self.lock_points());
        if !points.is_empty() {
            self.close_points(&points.values().collect::<Vec<_>>());
        }
    }
}
