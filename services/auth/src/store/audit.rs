//! The audit log. No statement changes an entry, and only old ones are deleted.

use service_kit::{DbError, Micros, Row, Tx};

use super::batches::MAX_DELETED_ROWS;
use crate::domain::audit::AuditEntry;

pub const INSERT: &str = "INSERT INTO audit (id, at, kind, reason, actor, user_name, provider, client, address, \
                          user_agent, sid_hash, request_id) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
pub const LIST_SINCE: &str = "SELECT id, at, kind, reason, actor, user_name, provider, client, address, user_agent, \
                              sid_hash, request_id FROM audit WHERE at >= $1 ORDER BY at, id LIMIT $2";
pub const DELETE_OLD: &str = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT $2)";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [INSERT, LIST_SINCE, DELETE_OLD];

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub at: Micros,
    pub kind: String,
    pub reason: String,
    pub actor: Option<String>,
    pub user_name: Option<String>,
    pub provider: Option<String>,
    pub client: Option<String>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub sid_hash: Option<String>,
    pub request_id: Option<String>,
}

pub async fn insert_entry(tx: &mut Tx, entry: &AuditEntry<'_>, at: Micros) -> Result<(), DbError> {
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    let vals = [
        id.into(),
        at.into(),
        entry.kind.as_str().into(),
        entry.reason.into(),
        entry.actor.map(str::to_owned).into(),
        entry.user_name.map(str::to_owned).into(),
        entry.provider.map(str::to_owned).into(),
        entry.client.map(str::to_owned).into(),
        entry.origin.address_text().into(),
        entry.origin.user_agent.clone().into(),
        entry.sid_hash.map(str::to_owned).into(),
        entry.origin.request_id.clone().into(),
    ];
    tx.execute(INSERT, &vals).await.map(drop)
}

/// At most `limit` entries from a moment on, the oldest first.
pub async fn list_entries(tx: &mut Tx, since: Micros, limit: i64) -> Result<Vec<AuditRow>, DbError> {
    tx.fetch_all(LIST_SINCE, &[since.into(), limit.into()]).await?.iter().map(parse_entry).collect()
}

fn parse_entry(row: &Row) -> Result<AuditRow, DbError> {
    Ok(AuditRow {
        at: row.get("at")?,
        kind: row.get("kind")?,
        reason: row.get("reason")?,
        actor: row.get("actor")?,
        user_name: row.get("user_name")?,
        provider: row.get("provider")?,
        client: row.get("client")?,
        address: row.get("address")?,
        user_agent: row.get("user_agent")?,
        sid_hash: row.get("sid_hash")?,
        request_id: row.get("request_id")?,
    })
}

/// Deletes some of the entries from before a moment; returns how many.
pub async fn delete_old_entries(tx: &mut Tx, before: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_OLD, &[before.into(), i64::from(MAX_DELETED_ROWS).into()]).await
}
