//! Things.

use service_kit::{DbError, Micros, Row, Tx};

const CREATE: &str = "INSERT INTO thing (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING \
                      RETURNING id, name, rev, seen_at";
const GET: &str = "SELECT id, name, rev, seen_at FROM thing WHERE id = $1";
const SET_SEEN: &str = "UPDATE thing SET seen_at = $1, seen_rev = $2 WHERE id = $3 AND seen_rev < $4";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [CREATE, GET, SET_SEEN];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    pub id: i64,
    pub name: String,
    pub rev: i64,
    /// When its own event came back.
    pub seen_at: Option<Micros>,
}

/// The new thing; `None` if the name is taken.
pub async fn create_thing(tx: &mut Tx, name: &str, now: Micros) -> Result<Option<Thing>, DbError> {
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    tx.fetch_optional(CREATE, &[id.into(), name.into(), now.into()]).await?.as_ref().map(parse_thing).transpose()
}

pub async fn get_thing(tx: &mut Tx, id: i64) -> Result<Option<Thing>, DbError> {
    tx.fetch_optional(GET, &[id.into()]).await?.as_ref().map(parse_thing).transpose()
}

/// Records that the event of a revision arrived, unless that of a newer one was recorded before.
pub async fn set_seen(tx: &mut Tx, id: i64, revision: i64, now: Micros) -> Result<(), DbError> {
    tx.execute(SET_SEEN, &[now.into(), revision.into(), id.into(), revision.into()]).await.map(drop)
}

fn parse_thing(row: &Row) -> Result<Thing, DbError> {
    Ok(Thing { id: row.get("id")?, name: row.get("name")?, rev: row.get("rev")?, seen_at: row.get("seen_at")? })
}
