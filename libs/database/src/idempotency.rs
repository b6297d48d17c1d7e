//! Responses to requests that carry an idempotency key, so that a request that is repeated because its response was lost
//! takes effect once and gets the first response again.
//!
//! The response is stored in the transaction of the effect, so that neither exists without the other. Keys belong to a
//! caller.

use std::time::Duration;

use crate::{Db, DbError, Micros, Tx};

const FIND: &str = "SELECT fingerprint, status, body FROM idempotency WHERE caller = $1 AND idempotency_key = $2";
const STORE: &str = "INSERT INTO idempotency (caller, idempotency_key, fingerprint, status, body, created_at) \
                     VALUES ($1, $2, $3, $4, $5, $6)";
const DELETE_EXPIRED: &str = "DELETE FROM idempotency WHERE created_at < $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [FIND, STORE, DELETE_EXPIRED];

/// How long a response is kept.
const TIME_TO_LIVE: Duration = Duration::from_hours(24);

/// The idempotency key of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is; callers do not see each other's.
    pub caller: String,
    pub key: String,
    /// A digest of what is requested.
    pub fingerprint: String,
}

/// The response to the first request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    pub status: u16,
    pub body: String,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// No request had this key before.
    New,
    /// The same request was answered before.
    Answered(StoredResponse),
    /// Another request had this key.
    Reused,
}

impl IdempotencyKey {
    pub async fn find_response(&self, tx: &mut Tx) -> Result<KeyState, DbError> {
        let vals = [(&self.caller).into(), (&self.key).into()];
        let Some(row) = tx.fetch_optional(FIND, &vals).await? else { return Ok(KeyState::New) };
        if row.get::<String>("fingerprint")? != self.fingerprint {
            return Ok(KeyState::Reused);
        }
        let status = u16::try_from(row.get::<i64>("status")?)
            .map_err(|e| DbError::Column { column: "status".to_owned(), reason: e.to_string() })?;
        Ok(KeyState::Answered(StoredResponse { status, body: row.get("body")? }))
    }

    /// Stores the response; in the transaction of the effect.
    pub async fn store_response(&self, tx: &mut Tx, status: u16, body: &str, now: Micros) -> Result<(), DbError> {
        let vals = [
            (&self.caller).into(),
            (&self.key).into(),
            (&self.fingerprint).into(),
            i64::from(status).into(),
            body.into(),
            now.into(),
        ];
        tx.execute(STORE, &vals).await.map(drop)
    }
}

/// Deletes responses that are older than a day and returns how many there were.
pub async fn delete_expired_responses(db: &Db, now: Micros) -> Result<u64, DbError> {
    db.write(async |tx| tx.execute(DELETE_EXPIRED, &[(now - TIME_TO_LIVE).into()]).await).await
}
