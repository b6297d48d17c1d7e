//! Which account a user of an identity provider logs in with, if it is not the one of the provider's name for them.

use service_kit::{DbError, Micros, Row, Tx};

pub const INSERT: &str = "INSERT INTO account_link (issuer, subject_hash, user_name, provider, linked_at, linked_by) \
                          VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
pub const FIND: &str = "SELECT issuer, subject_hash, user_name, provider, linked_at, linked_by FROM account_link \
                        WHERE issuer = $1 AND subject_hash = $2";
pub const LIST_OF_USER: &str = "SELECT issuer, subject_hash, user_name, provider, linked_at, linked_by FROM account_link \
                                WHERE user_name = $1 ORDER BY linked_at, issuer, subject_hash";
pub const DELETE_OF_USER: &str = "DELETE FROM account_link WHERE user_name = $1 RETURNING provider";
/// Those that the user made, and not an administrator.
pub const DELETE_OWN: &str = "DELETE FROM account_link WHERE user_name = $1 AND linked_by = $1 RETURNING provider";
pub const DELETE_OF_PROVIDER: &str = "DELETE FROM account_link WHERE user_name = $1 AND provider = $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 6] = [INSERT, FIND, LIST_OF_USER, DELETE_OF_USER, DELETE_OWN, DELETE_OF_PROVIDER];

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLinkRow {
    pub issuer: String,
    pub subject_hash: String,
    pub user_name: String,
    /// The name of the provider in the settings.
    pub provider: String,
    pub linked_at: Micros,
    pub linked_by: String,
}

/// Stores a link, unless the user of the provider has one; whether it is stored.
pub async fn insert_link(tx: &mut Tx, link: &AccountLinkRow) -> Result<bool, DbError> {
    let vals = [
        link.issuer.as_str().into(),
        link.subject_hash.as_str().into(),
        link.user_name.as_str().into(),
        link.provider.as_str().into(),
        link.linked_at.into(),
        link.linked_by.as_str().into(),
    ];
    Ok(tx.execute(INSERT, &vals).await? == 1)
}

/// The link of a user of a provider.
pub async fn find_link(tx: &mut Tx, issuer: &str, subject_hash: &str) -> Result<Option<AccountLinkRow>, DbError> {
    tx.fetch_optional(FIND, &[issuer.into(), subject_hash.into()]).await?.as_ref().map(parse_link).transpose()
}

/// The links of an account, the oldest first.
pub async fn list_links_of_user(tx: &mut Tx, user_name: &str) -> Result<Vec<AccountLinkRow>, DbError> {
    tx.fetch_all(LIST_OF_USER, &[user_name.into()]).await?.iter().map(parse_link).collect()
}

/// Deletes the links of an account to a provider; returns how many.
pub async fn delete_links(tx: &mut Tx, user_name: &str, provider: &str) -> Result<u64, DbError> {
    tx.execute(DELETE_OF_PROVIDER, &[user_name.into(), provider.into()]).await
}

/// Deletes all links of an account; the providers.
pub async fn delete_links_of_user(tx: &mut Tx, user_name: &str) -> Result<Vec<String>, DbError> {
    tx.fetch_all(DELETE_OF_USER, &[user_name.into()]).await?.iter().map(|row| row.get("provider")).collect()
}

/// Deletes the links that the user of an account made; the providers.
pub async fn delete_own_links(tx: &mut Tx, user_name: &str) -> Result<Vec<String>, DbError> {
    tx.fetch_all(DELETE_OWN, &[user_name.into()]).await?.iter().map(|row| row.get("provider")).collect()
}

fn parse_link(row: &Row) -> Result<AccountLinkRow, DbError> {
    Ok(AccountLinkRow {
        issuer: row.get("issuer")?,
        subject_hash: row.get("subject_hash")?,
        user_name: row.get("user_name")?,
        provider: row.get("provider")?,
        linked_at: row.get("linked_at")?,
        linked_by: row.get("linked_by")?,
    })
}
