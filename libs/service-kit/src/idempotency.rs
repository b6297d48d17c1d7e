//! The header `Idempotency-Key`: a request that is repeated because its response was lost takes effect once and gets the
//! first response again. A key that comes with another request is refused.

use actix_web::HttpRequest;
pub use database::idempotency::StoredResponse;
use database::idempotency::{self as stored, KeyState};

use crate::db::{DbError, Micros, Tx};
use crate::problem::{Code, Problem};

const MAX_KEY_LENGTH: usize = 255;

/// The idempotency key of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(stored::IdempotencyKey);

impl IdempotencyKey {
    /// The key of a request, if it has one. `caller` separates users; `fingerprint` is a digest of what is requested.
    pub fn from_request(request: &HttpRequest, caller: &str, fingerprint: String) -> Result<Option<Self>, Problem> {
        let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| (1..=MAX_KEY_LENGTH).contains(&key.len())).ok_or_else(|| {
            let text = format!("Idempotency-Key must be 1 to {MAX_KEY_LENGTH} visible ASCII characters");
            Problem::new(Code::BadRequest, "idempotency-key", text)
        })?;
        Ok(Some(Self(stored::IdempotencyKey { caller: caller.to_owned(), key: key.to_owned(), fingerprint })))
    }

    /// The response to the first request with this key; `None` if this is the first.
    pub async fn find_response(&self, tx: &mut Tx) -> Result<Option<StoredResponse>, Problem> {
        match self.0.find_response(tx).await? {
            KeyState::New => Ok(None),
            KeyState::Answered(response) => Ok(Some(response)),
            KeyState::Reused => {
                let text = "this Idempotency-Key was used for another request; use a fresh one";
                Err(Problem::new(Code::Validation, "idempotency-key-reused", text))
            }
        }
    }

    /// Stores the response; in the transaction of the effect.
    pub async fn store_response(&self, tx: &mut Tx, status: u16, body: &str, now: Micros) -> Result<(), DbError> {
        self.0.store_response(tx, status, body, now).await
    }
}
