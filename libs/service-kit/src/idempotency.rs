//! `Idempotency-Key`: a request that is repeated because its answer was lost has its effect once and gets the first
//! answer again.
//!
//! The answer is stored in the transaction of its effect, so that there is no moment in which only one of them exists.
//! Keys belong to a caller; a key that comes with another request is refused.

use actix_web::HttpRequest;

use crate::db::{Db, DbError, Tx};
use crate::problem::{Code, Problem};

const FIND: &str = "SELECT fingerprint, status, body FROM idempotency WHERE caller = $1 AND idempotency_key = $2";
const REMEMBER: &str = "INSERT INTO idempotency (caller, idempotency_key, fingerprint, status, body, created_at) \
                        VALUES ($1, $2, $3, $4, $5, $6)";
const PURGE: &str = "DELETE FROM idempotency WHERE created_at < $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [FIND, REMEMBER, PURGE];

const LONGEST_KEY: usize = 255;
/// How long a key is remembered.
const KEPT_MICROS: i64 = 24 * 3600 * 1_000_000;

/// One request's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    caller: String,
    key: String,
    fingerprint: String,
}

/// The answer of the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    pub status: u16,
    pub body: String,
}

impl IdempotencyKey {
    /// The key of a request, if it has one. `caller` separates users; `fingerprint` is a digest of what is asked for.
    pub fn from_request(request: &HttpRequest, caller: &str, fingerprint: String) -> Result<Option<Self>, Problem> {
        let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len())).ok_or_else(|| {
            let text = format!("Idempotency-Key must be 1 to {LONGEST_KEY} visible ASCII characters");
            Problem::new(Code::BadRequest, "idempotency-key", text)
        })?;
        Ok(Some(Self { caller: caller.to_owned(), key: key.to_owned(), fingerprint }))
    }

    /// What was answered to this key before.
    pub async fn find_response(&self, tx: &mut Tx) -> Result<Option<StoredResponse>, Problem> {
        let Some(row) = tx.fetch_optional(FIND, &[(&self.caller).into(), (&self.key).into()]).await? else {
            return Ok(None);
        };
        if row.get::<String>("fingerprint")? != self.fingerprint {
            let text = "this Idempotency-Key was used for another request; use a fresh one";
            return Err(Problem::new(Code::Validation, "idempotency-key-reused", text));
        }
        let status = u16::try_from(row.get::<i64>("status")?).map_err(Problem::internal)?;
        Ok(Some(StoredResponse { status, body: row.get("body")? }))
    }

    /// Stores the answer with its effect.
    pub async fn store_response(&self, tx: &mut Tx, status: u16, body: &str, now_micros: i64) -> Result<(), DbError> {
        let vals = [
            (&self.caller).into(),
            (&self.key).into(),
            (&self.fingerprint).into(),
            i64::from(status).into(),
            body.into(),
            now_micros.into(),
        ];
        tx.execute(REMEMBER, &vals).await.map(drop)
    }

    /// Forgets keys that are older than a day; how many there were.
    pub async fn delete_expired(db: &Db, now_micros: i64) -> Result<u64, DbError> {
        db.write(async |tx| tx.execute(PURGE, &[(now_micros - KEPT_MICROS).into()]).await).await
    }
}
