//! How far a poll has read, and the ids of the last comparison, in the table of bookmarks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::{Db, DbError, Micros, Tx};

use super::id_blocks;
use crate::client::Positions;

const FIND: &str = "SELECT value FROM bookmark WHERE name = $1";
const SAVE: &str = "INSERT INTO bookmark (name, value, changed_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at";
const DELETE: &str = "DELETE FROM bookmark WHERE name = $1";
const LIST_NAMES: &str = "SELECT name FROM bookmark WHERE name > $1 AND name < $2 ORDER BY name";
/// Every statement, for the test that prepares them on each engine.
pub const STATEMENTS: [&str; 4] = [FIND, SAVE, DELETE, LIST_NAMES];

/// The bookmark of the positions.
pub const POLL_BOOKMARK: &str = "icat.poll";

/// How far polls have read; stored as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct PollBookmark {
    pub positions: Positions,
    /// When the last comparison of an entity ended.
    #[serde(default)]
    pub compared_at: BTreeMap<String, Timestamp>,
    #[serde(default)]
    pub polled_at: Option<Timestamp>,
}

impl PollBookmark {
    /// What is stored. A bookmark that cannot be read is an error of the database's content.
    pub async fn load(db: &Db) -> Result<Self, DbError> {
        let Some(row) = db.read().await?.fetch_optional(FIND, &[POLL_BOOKMARK.into()]).await? else {
            return Ok(Self::default());
        };
        serde_json::from_str(&row.get::<String>("value")?)
            .map_err(|e| unreadable_bookmark(POLL_BOOKMARK, &e.to_string()))
    }

    pub async fn save_bookmark(&self, tx: &mut Tx, now: Micros) -> Result<(), DbError> {
        let text = serde_json::to_string(self).map_err(|e| unreadable_bookmark(POLL_BOOKMARK, &e.to_string()))?;
        tx.execute(SAVE, &[POLL_BOOKMARK.into(), text.as_str().into(), now.into()]).await.map(drop)
    }
}

/// The numbers of the blocks that are stored for an entity.
pub(super) async fn list_id_blocks(db: &Db, entity: &str) -> Result<BTreeSet<i64>, DbError> {
    // '/' is the character after '.'.
    let (first, end) = (format!("icat.ids.{entity}."), format!("icat.ids.{entity}/"));
    let rows = db.read().await?.fetch_all(LIST_NAMES, &[first.as_str().into(), end.as_str().into()]).await?;
    let number = |name: String| name[first.len()..].parse().map_err(|_| unreadable_bookmark(&name, "it has no number"));
    rows.iter().map(|row| row.get::<String>("name").and_then(number)).collect()
}

/// The ids of a block as the last comparison found them; none if it is not stored.
pub(super) async fn find_id_block(db: &Db, entity: &str, number: i64) -> Result<Vec<i64>, DbError> {
    let name = block_name(entity, number);
    let Some(row) = db.read().await?.fetch_optional(FIND, &[name.as_str().into()]).await? else {
        return Ok(Vec::new());
    };
    id_blocks::parse_ids(number, &row.get::<String>("value")?)
        .ok_or_else(|| unreadable_bookmark(&name, "it has no ids"))
}

/// Stores the ids of a block, or deletes it if there are none.
pub(super) async fn save_id_block(
    tx: &mut Tx,
    entity: &str,
    number: i64,
    ids: &[i64],
    now: Micros,
) -> Result<(), DbError> {
    let name = block_name(entity, number);
    if ids.is_empty() {
        return tx.execute(DELETE, &[name.as_str().into()]).await.map(drop);
    }
    let text = id_blocks::render_ids(number, ids);
    tx.execute(SAVE, &[name.as_str().into(), text.as_str().into(), now.into()]).await.map(drop)
}

fn block_name(entity: &str, number: i64) -> String {
    format!("icat.ids.{entity}.{number:015}")
}

fn unreadable_bookmark(name: &str, why: &str) -> DbError {
    DbError::Setup(format!("the bookmark {name} cannot be read: {why}; delete the row to start from the current state"))
}
