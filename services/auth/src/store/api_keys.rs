//! API keys. The rows do not reveal the keys.

use service_kit::{DbError, Micros, Row, Tx};

use crate::domain::api_key::ApiKeyTerms;

pub const INSERT: &str = "INSERT INTO api_key (id, key_hash, name, user_name, scopes, instruments, created_at, created_by, \
                          expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
pub const FIND: &str = "SELECT id, key_hash, name, user_name, scopes, instruments, created_at, created_by, expires_at, \
                        last_used_at, revoked_at, revoked_by FROM api_key WHERE id = $1";
pub const FIND_BY_HASH: &str = "SELECT id, key_hash, name, user_name, scopes, instruments, created_at, created_by, \
                                expires_at, last_used_at, revoked_at, revoked_by FROM api_key WHERE key_hash = $1";
pub const FIND_BY_NAME: &str = "SELECT id, key_hash, name, user_name, scopes, instruments, created_at, created_by, \
                                expires_at, last_used_at, revoked_at, revoked_by FROM api_key \
                                WHERE name = $1 AND revoked_at IS NULL";
pub const LIST: &str = "SELECT id, key_hash, name, user_name, scopes, instruments, created_at, created_by, expires_at, \
                        last_used_at, revoked_at, revoked_by FROM api_key \
                        WHERE created_at < $1 OR created_at = $1 AND id < $2 \
                        ORDER BY created_at DESC, id DESC LIMIT $3";
pub const LIST_OF_USER: &str = "SELECT id, key_hash, name, user_name, scopes, instruments, created_at, created_by, \
                                expires_at, last_used_at, revoked_at, revoked_by FROM api_key \
                                WHERE user_name = $1 AND (created_at < $2 OR created_at = $2 AND id < $3) \
                                ORDER BY created_at DESC, id DESC LIMIT $4";
pub const SET_LAST_USED: &str = "UPDATE api_key SET last_used_at = $1 WHERE id = $2 \
                                 AND (last_used_at IS NULL OR last_used_at < $1)";
pub const REVOKE: &str = "UPDATE api_key SET revoked_at = $1, revoked_by = $2 WHERE id = $3 AND revoked_at IS NULL";
pub const REVOKE_OF_USER: &str = "UPDATE api_key SET revoked_at = $1, revoked_by = $2 \
                                  WHERE user_name = $3 AND revoked_at IS NULL RETURNING key_hash, name";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 9] =
    [INSERT, FIND, FIND_BY_HASH, FIND_BY_NAME, LIST, LIST_OF_USER, SET_LAST_USED, REVOKE, REVOKE_OF_USER];

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: String,
    /// SHA-256 of the key, in hexadecimal.
    pub key_hash: String,
    pub terms: ApiKeyTerms,
    pub created_at: Micros,
    pub created_by: String,
    pub last_used_at: Option<Micros>,
    pub revoked_at: Option<Micros>,
    pub revoked_by: Option<String>,
}

/// Stores a new key; false if one that is not revoked has this name.
pub async fn insert_key(tx: &mut Tx, row: &ApiKeyRow) -> Result<bool, DbError> {
    let vals = [
        row.id.as_str().into(),
        row.key_hash.as_str().into(),
        row.terms.name.as_str().into(),
        row.terms.user_name.as_str().into(),
        render_list(&row.terms.scopes).into(),
        render_list(&row.terms.instruments).into(),
        row.created_at.into(),
        row.created_by.as_str().into(),
        row.terms.expires_at.into(),
    ];
    Ok(tx.execute(INSERT, &vals).await? == 1)
}

pub async fn find_key(tx: &mut Tx, id: &str) -> Result<Option<ApiKeyRow>, DbError> {
    tx.fetch_optional(FIND, &[id.into()]).await?.as_ref().map(parse_key).transpose()
}

pub async fn find_key_by_hash(tx: &mut Tx, key_hash: &str) -> Result<Option<ApiKeyRow>, DbError> {
    tx.fetch_optional(FIND_BY_HASH, &[key_hash.into()]).await?.as_ref().map(parse_key).transpose()
}

/// The key with this name that is not revoked.
pub async fn find_key_by_name(tx: &mut Tx, name: &str) -> Result<Option<ApiKeyRow>, DbError> {
    tx.fetch_optional(FIND_BY_NAME, &[name.into()]).await?.as_ref().map(parse_key).transpose()
}

/// At most `limit` keys of a user, or of all users, the newest first, after the one with this time and id.
pub async fn list_keys(
    tx: &mut Tx,
    user_name: Option<&str>,
    (created_at, id): (Micros, &str),
    limit: i64,
) -> Result<Vec<ApiKeyRow>, DbError> {
    let rows = match user_name {
        Some(name) => tx.fetch_all(LIST_OF_USER, &[name.into(), created_at.into(), id.into(), limit.into()]).await?,
        None => tx.fetch_all(LIST, &[created_at.into(), id.into(), limit.into()]).await?,
    };
    rows.iter().map(parse_key).collect()
}

pub async fn set_last_used(tx: &mut Tx, id: &str, now: Micros) -> Result<(), DbError> {
    tx.execute(SET_LAST_USED, &[now.into(), id.into()]).await.map(drop)
}

/// Revokes a key; false if it was revoked before.
pub async fn revoke_key(tx: &mut Tx, id: &str, revoked_by: &str, now: Micros) -> Result<bool, DbError> {
    Ok(tx.execute(REVOKE, &[now.into(), revoked_by.into(), id.into()]).await? == 1)
}

/// Revokes all keys of a user; their hashes and names.
pub async fn revoke_keys_of_user(
    tx: &mut Tx,
    user_name: &str,
    revoked_by: &str,
    now: Micros,
) -> Result<Vec<(String, String)>, DbError> {
    let rows = tx.fetch_all(REVOKE_OF_USER, &[now.into(), revoked_by.into(), user_name.into()]).await?;
    rows.iter().map(|row| Ok((row.get("key_hash")?, row.get("name")?))).collect()
}

fn render_list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

fn parse_key(row: &Row) -> Result<ApiKeyRow, DbError> {
    // An unreadable list is an error: an empty list of instruments would mean every instrument.
    let parse_list = |column: &str| {
        let text: String = row.get(column)?;
        serde_json::from_str(&text).map_err(|e| DbError::Column { column: column.to_owned(), reason: e.to_string() })
    };
    Ok(ApiKeyRow {
        id: row.get("id")?,
        key_hash: row.get("key_hash")?,
        terms: ApiKeyTerms {
            name: row.get("name")?,
            user_name: row.get("user_name")?,
            scopes: parse_list("scopes")?,
            instruments: parse_list("instruments")?,
            expires_at: row.get("expires_at")?,
        },
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
        revoked_by: row.get("revoked_by")?,
    })
}
