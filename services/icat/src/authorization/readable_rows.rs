//! What a user may read of an entity, as sets of ids of the rows that decide.
//!
//! Rules mostly let users read whole investigations. So a few thousand ids of investigations say which of millions of files a user
//! may read, and a program that knows the investigation of each file need not ask for each.

use std::cmp::Reverse;
use std::time::Duration;

use icat_client::schema::{Entity, ToOne};
use roaring::RoaringTreemap;
use service_kit::{DbError, Tx};
use tokio::time::{Instant, timeout_at};

use super::Rights;
use crate::query::{Access, QueryEnvironment, compile_deciding_selects};

/// How much is done for an answer. Who asks can do without the rules that are left out.
#[derive(Debug, Clone, Copy)]
pub struct ReadableLimits {
    /// Of all lists together.
    pub max_ids: u64,
    /// How long rules are evaluated, one of which may have to look at each file.
    pub timeout: Duration,
}

impl ReadableLimits {
    /// For requests: the ids take some 10 MB.
    pub const DEFAULT: Self = Self { max_ids: 5_000_000, timeout: Duration::from_secs(10) };
}

/// What a user may read of an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadableRows {
    All,
    None,
    /// Each row that a path leads from to a row of its list.
    Rows {
        /// The longest paths first; no list is empty.
        rows: Vec<DecidingRows>,
        /// False if rules were left out, so that the user may read more.
        complete: bool,
    },
}

/// Rows that decide about the rows from which a path leads to them.
#[derive(Debug, Clone, PartialEq)]
pub struct DecidingRows {
    /// None if the rows decide about themselves.
    pub path: Vec<&'static ToOne>,
    pub ids: RoaringTreemap,
}

impl DecidingRows {
    /// The relations with dots between them.
    pub fn render_path(&self) -> String {
        self.path.iter().map(|one| one.name).collect::<Vec<_>>().join(".")
    }
}

/// What a user may read of an entity in the snapshot `tx`. Rules that can fail or exceed the limits are left out.
pub async fn find_readable_rows(
    tx: &mut Tx,
    rights: &Rights,
    entity: &'static Entity,
    env: &QueryEnvironment<'_>,
    limits: ReadableLimits,
) -> Result<ReadableRows, DbError> {
    let rules = match rights.read_access(entity) {
        Access::All => return Ok(ReadableRows::All),
        Access::None => return Ok(ReadableRows::None),
        Access::Rules(rules) => rules,
    };
    let compiled = compile_deciding_selects(&rules, limits.max_ids, env);
    let mut found = CollectedRows { rows: Vec::new(), complete: compiled.is_complete, max_ids: limits.max_ids };
    let deadline = Instant::now() + limits.timeout;
    for select in compiled.selects {
        let reason = match timeout_at(deadline, select.fetch_ids(tx)).await {
            Ok(Ok(ids)) => {
                found.add_ids(select.path, ids);
                continue;
            }
            Ok(Err(e @ (DbError::Data(_) | DbError::TooSlow(_)))) => e.to_string(),
            Ok(Err(e)) => return Err(e),
            Err(_) => "their evaluation takes too long".to_owned(),
        };
        tracing::warn!(entity.name, reason, "rules are left out of a list of readable rows");
        found.complete = false;
        // The snapshot can no longer be used.
        break;
    }
    let CollectedRows { mut rows, complete, .. } = found;
    rows.sort_by_key(|list| (Reverse(list.path.len()), list.render_path()));
    Ok(ReadableRows::Rows { rows, complete })
}

/// The lists found so far.
struct CollectedRows {
    rows: Vec<DecidingRows>,
    complete: bool,
    max_ids: u64,
}

impl CollectedRows {
    /// Adds ids to the list of a path, unless they are too many.
    fn add_ids(&mut self, path: Vec<&'static ToOne>, ids: Vec<i64>) {
        let count = ids.len();
        // A bitmap has no negative ids, which nobody has, either.
        self.complete &= ids.iter().all(|id| *id >= 0);
        let ids: RoaringTreemap = ids.into_iter().filter_map(|id| u64::try_from(id).ok()).collect();
        let known: u64 = self.rows.iter().map(|list| list.ids.len()).sum();
        if known + ids.len() > self.max_ids || count as u64 > self.max_ids {
            self.complete = false;
            return;
        }
        match self.rows.iter_mut().find(|list| list.path == path) {
            Some(list) => list.ids |= ids,
            None if ids.is_empty() => {}
            None => self.rows.push(DecidingRows { path, ids }),
        }
    }
}
