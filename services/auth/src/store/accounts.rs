//! Local accounts. Times are microseconds UTC.

use service_kit::{DbError, Row, Tx};

pub const FIND: &str =
    "SELECT password_hash, locked_at, removed_at, rev FROM account WHERE mechanism = $1 AND name = $2";
/// Changes the row, so that whoever changes the account at the same time begins anew and finds what is stored here.
pub const TAKE: &str = "UPDATE account SET rev = rev WHERE mechanism = $1 AND name = $2 \
                        RETURNING password_hash, locked_at, removed_at, rev";
pub const LIST: &str = "SELECT mechanism, name, changed_at, locked_at FROM account WHERE removed_at IS NULL \
                        ORDER BY mechanism, name";
pub const CREATE: &str = "INSERT INTO account (mechanism, name, password_hash, changed_at) VALUES ($1, $2, $3, $4)";
pub const SET_PASSWORD: &str = "UPDATE account SET password_hash = $1, changed_at = $2, rev = rev + 1 \
                                WHERE mechanism = $3 AND name = $4 AND removed_at IS NULL";
pub const RESTORE: &str = "UPDATE account SET password_hash = $1, changed_at = $2, locked_at = NULL, \
                           removed_at = NULL, rev = rev + 1 WHERE mechanism = $3 AND name = $4";
pub const SET_LOCKED: &str = "UPDATE account SET locked_at = $1, rev = rev + 1 WHERE mechanism = $2 AND name = $3";
pub const REMOVE: &str = "UPDATE account SET removed_at = $1, password_hash = '', rev = rev + 1 \
                          WHERE mechanism = $2 AND name = $3 AND removed_at IS NULL";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 8] = [FIND, TAKE, LIST, CREATE, SET_PASSWORD, RESTORE, SET_LOCKED, REMOVE];

/// What decides a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub password_hash: String,
    pub locked_at: Option<i64>,
    pub removed_at: Option<i64>,
    /// Grows with every change.
    pub rev: i64,
}

impl AccountRow {
    /// Whether the account lets anybody in.
    pub fn is_open(&self) -> bool {
        self.locked_at.is_none() && self.removed_at.is_none()
    }
}

/// An account as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRow {
    pub mechanism: String,
    pub name: String,
    /// When the password was set.
    pub changed_at: i64,
    pub locked_at: Option<i64>,
}

/// The account, also one that was removed.
pub async fn find(tx: &mut Tx, mechanism: &str, name: &str) -> Result<Option<AccountRow>, DbError> {
    tx.fetch_optional(FIND, &[mechanism.into(), name.into()]).await?.as_ref().map(account).transpose()
}

/// The account of an ICAT user name, such as `db/alice`, within a transaction that has done nothing yet: nobody changes it until
/// that ends.
pub async fn take_by_user_name(tx: &mut Tx, user_name: &str) -> Result<Option<AccountRow>, DbError> {
    let Some((mechanism, name)) = user_name.split_once('/') else { return Ok(None) };
    tx.fetch_optional(TAKE, &[mechanism.into(), name.into()]).await?.as_ref().map(account).transpose()
}

fn account(row: &Row) -> Result<AccountRow, DbError> {
    Ok(AccountRow {
        password_hash: row.get("password_hash")?,
        locked_at: row.get("locked_at")?,
        removed_at: row.get("removed_at")?,
        rev: row.get("rev")?,
    })
}

/// Whether an ICAT user name, such as `db/alice`, is that of an account which was locked or removed here.
pub async fn is_closed(tx: &mut Tx, user_name: &str) -> Result<bool, DbError> {
    let Some((mechanism, name)) = user_name.split_once('/') else { return Ok(false) };
    Ok(find(tx, mechanism, name).await?.is_some_and(|account| !account.is_open()))
}

/// All accounts that were not removed, by mechanism and name.
pub async fn list(tx: &mut Tx) -> Result<Vec<ListedRow>, DbError> {
    let map = |row: &Row| {
        Ok(ListedRow {
            mechanism: row.get("mechanism")?,
            name: row.get("name")?,
            changed_at: row.get("changed_at")?,
            locked_at: row.get("locked_at")?,
        })
    };
    tx.fetch_all(LIST, &[]).await?.iter().map(map).collect()
}

pub async fn create(tx: &mut Tx, mechanism: &str, name: &str, hash: &str, now: i64) -> Result<(), DbError> {
    tx.execute(CREATE, &[mechanism.into(), name.into(), hash.into(), now.into()]).await.map(drop)
}

/// False if there is no such account.
pub async fn set_password(tx: &mut Tx, mechanism: &str, name: &str, hash: &str, now: i64) -> Result<bool, DbError> {
    Ok(tx.execute(SET_PASSWORD, &[hash.into(), now.into(), mechanism.into(), name.into()]).await? > 0)
}

/// Opens a removed account again, with another password.
pub async fn restore(tx: &mut Tx, mechanism: &str, name: &str, hash: &str, now: i64) -> Result<(), DbError> {
    tx.execute(RESTORE, &[hash.into(), now.into(), mechanism.into(), name.into()]).await.map(drop)
}

/// Locks an account, or unlocks it with `None`.
pub async fn set_locked(tx: &mut Tx, mechanism: &str, name: &str, locked_at: Option<i64>) -> Result<(), DbError> {
    tx.execute(SET_LOCKED, &[locked_at.into(), mechanism.into(), name.into()]).await.map(drop)
}

/// False if there is no such account.
pub async fn remove(tx: &mut Tx, mechanism: &str, name: &str, now: i64) -> Result<bool, DbError> {
    Ok(tx.execute(REMOVE, &[now.into(), mechanism.into(), name.into()]).await? > 0)
}
