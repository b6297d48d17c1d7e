//! Local accounts.

use service_kit::{DbError, Micros, Row, Tx};

pub const FIND: &str =
    "SELECT password_hash, locked_at, removed_at, rev FROM account WHERE mechanism = $1 AND name = $2";
/// Writes the row, so that concurrent transactions that change it are repeated.
pub const LOCK: &str = "UPDATE account SET rev = rev WHERE mechanism = $1 AND name = $2 \
                        RETURNING password_hash, locked_at, removed_at, rev";
pub const LIST: &str = "SELECT mechanism, name, changed_at, locked_at FROM account WHERE removed_at IS NULL \
                        ORDER BY mechanism, name";
pub const CREATE: &str = "INSERT INTO account (mechanism, name, password_hash, changed_at) VALUES ($1, $2, $3, $4)";
pub const SET_PASSWORD: &str = "UPDATE account SET password_hash = $1, changed_at = $2, rev = rev + 1 \
                                WHERE mechanism = $3 AND name = $4 AND removed_at IS NULL";
/// The password stays the same, and so does `rev`: logins that are under way go on.
pub const REPLACE_HASH: &str =
    "UPDATE account SET password_hash = $1 WHERE mechanism = $2 AND name = $3 AND password_hash = $4";
pub const RESTORE: &str = "UPDATE account SET password_hash = $1, changed_at = $2, locked_at = NULL, \
                           removed_at = NULL, rev = rev + 1 WHERE mechanism = $3 AND name = $4";
pub const SET_LOCKED: &str = "UPDATE account SET locked_at = $1, rev = rev + 1 WHERE mechanism = $2 AND name = $3";
pub const REMOVE: &str = "UPDATE account SET removed_at = $1, password_hash = '', rev = rev + 1 \
                          WHERE mechanism = $2 AND name = $3 AND removed_at IS NULL";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 9] = [FIND, LOCK, LIST, CREATE, SET_PASSWORD, REPLACE_HASH, RESTORE, SET_LOCKED, REMOVE];

/// What a login depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub password_hash: String,
    pub locked_at: Option<Micros>,
    pub removed_at: Option<Micros>,
    /// Increases with every change.
    pub rev: i64,
}

impl AccountRow {
    /// Whether nobody has changed the account between these two. A hash that was replaced by a better one of the same password is no
    /// change.
    pub fn is_unchanged(&self, other: &Self) -> bool {
        (self.rev, self.locked_at, self.removed_at) == (other.rev, other.locked_at, other.removed_at)
    }

    /// Whether logins are possible.
    pub fn is_open(&self) -> bool {
        self.locked_at.is_none() && self.removed_at.is_none()
    }
}

/// Replaces the hash of a password by another one of the same password.
pub async fn replace_hash(tx: &mut Tx, mechanism: &str, name: &str, old: &str, new: &str) -> Result<(), DbError> {
    tx.execute(REPLACE_HASH, &[new.into(), mechanism.into(), name.into(), old.into()]).await.map(drop)
}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRow {
    pub mechanism: String,
    pub name: String,
    /// When the password was set.
    pub changed_at: Micros,
    pub locked_at: Option<Micros>,
}

/// The account, including a removed one.
pub async fn find_account(tx: &mut Tx, mechanism: &str, name: &str) -> Result<Option<AccountRow>, DbError> {
    tx.fetch_optional(FIND, &[mechanism.into(), name.into()]).await?.as_ref().map(parse_account).transpose()
}

/// The account of an ICAT user name such as `db/alice`, locked until the transaction ends. Must be the first statement of
/// the transaction.
pub async fn lock_by_user_name(tx: &mut Tx, user_name: &str) -> Result<Option<AccountRow>, DbError> {
    let Some((mechanism, name)) = user_name.split_once('/') else { return Ok(None) };
    tx.fetch_optional(LOCK, &[mechanism.into(), name.into()]).await?.as_ref().map(parse_account).transpose()
}

fn parse_account(row: &Row) -> Result<AccountRow, DbError> {
    Ok(AccountRow {
        password_hash: row.get("password_hash")?,
        locked_at: row.get("locked_at")?,
        removed_at: row.get("removed_at")?,
        rev: row.get("rev")?,
    })
}

/// Whether an ICAT user name such as `db/alice` belongs to a local account that is locked or removed.
pub async fn is_account_closed(tx: &mut Tx, user_name: &str) -> Result<bool, DbError> {
    let Some((mechanism, name)) = user_name.split_once('/') else { return Ok(false) };
    Ok(find_account(tx, mechanism, name).await?.is_some_and(|account| !account.is_open()))
}

/// All accounts that are not removed, sorted by mechanism and name.
pub async fn list_accounts(tx: &mut Tx) -> Result<Vec<ListedRow>, DbError> {
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

pub async fn insert_account(tx: &mut Tx, mechanism: &str, name: &str, hash: &str, now: Micros) -> Result<(), DbError> {
    tx.execute(CREATE, &[mechanism.into(), name.into(), hash.into(), now.into()]).await.map(drop)
}

/// False if there is no such account.
pub async fn set_password(tx: &mut Tx, mechanism: &str, name: &str, hash: &str, now: Micros) -> Result<bool, DbError> {
    Ok(tx.execute(SET_PASSWORD, &[hash.into(), now.into(), mechanism.into(), name.into()]).await? > 0)
}

/// Restores a removed account with a new password.
pub async fn restore_account(tx: &mut Tx, mechanism: &str, name: &str, hash: &str, now: Micros) -> Result<(), DbError> {
    tx.execute(RESTORE, &[hash.into(), now.into(), mechanism.into(), name.into()]).await.map(drop)
}

/// Locks an account, or unlocks it with `None`.
pub async fn set_locked(tx: &mut Tx, mechanism: &str, name: &str, locked_at: Option<Micros>) -> Result<(), DbError> {
    tx.execute(SET_LOCKED, &[locked_at.into(), mechanism.into(), name.into()]).await.map(drop)
}

/// False if there is no such account.
pub async fn remove_account(tx: &mut Tx, mechanism: &str, name: &str, now: Micros) -> Result<bool, DbError> {
    Ok(tx.execute(REMOVE, &[now.into(), mechanism.into(), name.into()]).await? > 0)
}
