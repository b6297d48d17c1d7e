//! Logins that ended while tokens of them are still valid, for verifiers that do not hear events. The list is read from the
//! database at most every few seconds, however many verifiers ask.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Clock, Ctx, Db, DbError, Micros};
use tokio::sync::Mutex;

use crate::store::revoked_logins::{self, RevokedLogin};

/// How old the answer may be.
const MAX_AGE: Duration = Duration::from_secs(5);
/// Clocks of two replicas differ, and a transaction may be committed after a later one: a verifier that continues gets what
/// ended in this time before once more.
const OVERLAP: Duration = Duration::from_mins(3);
/// The longest lifetime of a token, and the clock of the verifier: what ended before has no valid token.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_mins(35);
/// A verifier accepts a token so long after its end.
const LEEWAY: Duration = Duration::from_mins(2);

/// The ended logins. Cheap to clone.
#[derive(Clone)]
pub struct Revocations {
    db: Db,
    clock: Arc<dyn Clock>,
    /// Held while the list is read: others wait for the same list.
    known: Arc<Mutex<Option<KnownLogins>>>,
}

#[derive(Clone)]
struct KnownLogins {
    read_at: Micros,
    /// By the time of their end.
    logins: Arc<[RevokedLogin]>,
}

/// Where a verifier is in the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub ended_at: Micros,
    pub sid_hash: String,
}

/// A part of the list.
pub struct RevokedPage {
    pub logins: Vec<RevokedLogin>,
    /// Where the next one begins.
    pub next: Position,
    /// Whether there are more now.
    pub has_more: bool,
}

impl Revocations {
    pub fn new(ctx: &Ctx) -> Self {
        Self { db: ctx.db.clone(), clock: Arc::clone(&ctx.clock), known: Arc::default() }
    }

    /// At most `limit` ended logins after a position, or the first ones.
    pub async fn list_revoked(&self, after: Option<&Position>, limit: usize) -> Result<RevokedPage, DbError> {
        let KnownLogins { read_at, logins } = self.load_logins().await?;
        let start = after.map_or(0, |after| {
            logins
                .partition_point(|login| (login.ended_at, login.sid_hash.as_str()) <= (after.ended_at, &after.sid_hash))
        });
        let rest = &logins[start..];
        let page = &rest[..limit.min(rest.len())];
        let has_more = page.len() < rest.len();
        let next = match page.last().filter(|_| has_more) {
            Some(last) => Position { ended_at: last.ended_at, sid_hash: last.sid_hash.clone() },
            None => Position { ended_at: read_at - OVERLAP, sid_hash: String::new() },
        };
        Ok(RevokedPage { logins: page.to_vec(), next, has_more })
    }

    async fn load_logins(&self) -> Result<KnownLogins, DbError> {
        let now = self.clock.now_micros();
        let mut known = self.known.lock().await;
        if let Some(fresh) = known.as_ref().filter(|known| now.duration_since(known.read_at) < MAX_AGE) {
            return Ok(fresh.clone());
        }
        let mut tx = self.db.read().await?;
        let logins =
            revoked_logins::list_revoked_logins(&mut tx, now - MAX_TOKEN_LIFETIME - LEEWAY, now - LEEWAY).await?;
        let read = KnownLogins { read_at: now, logins: logins.into() };
        *known = Some(read.clone());
        Ok(read)
    }
}
