//! Logins that ended while tokens of them are still valid, for verifiers that do not hear events. The list is read from the
//! database at most every few seconds, however many verifiers ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use service_kit::{Clock, Ctx, Db, DbError, Micros, Problem};
use tokio::sync::Mutex;

use crate::store::revoked_logins::{self, RevokedLogin};

/// How old the answer may be.
const MAX_AGE: Duration = Duration::from_secs(5);
/// Clocks of two replicas differ, and a transaction may be committed after a later one: a verifier that continues gets what
/// ended in this time before once more.
const OVERLAP: Duration = Duration::from_mins(3);
/// The longest lifetime of a token, and the clock of the verifier: what ended before has no valid token.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_mins(35);
/// Verifiers accept a token for 30 s after its end, by clocks that may be two minutes slow: it is listed for so long.
const LISTED_AFTER_END: Duration = Duration::from_secs(150);
/// So many pages are kept rendered.
const MAX_RENDERED_PAGES: usize = 8;

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
    /// When reading began: what was committed later may not be in the list.
    read_at: Micros,
    /// When the list was complete. It is used for a while from then on, however long reading took.
    ready_at: Micros,
    /// By the time of their end.
    logins: Arc<[RevokedLogin]>,
    /// The pages that begin at an index of the list, as long as it does not change.
    rendered: Arc<StdMutex<HashMap<usize, RenderedPage>>>,
}

/// A page as verifiers get it.
#[derive(Clone)]
pub struct RenderedPage {
    /// Of the entries.
    pub etag: String,
    pub body: Bytes,
    /// Whether there are more now.
    pub has_more: bool,
}

/// Where a verifier is in the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub ended_at: Micros,
    pub sid_hash: String,
}

/// A part of the list.
pub struct RevokedPage<'l> {
    pub logins: &'l [RevokedLogin],
    /// Where the next one begins.
    pub next: Position,
    /// Whether there are more now.
    pub has_more: bool,
}

impl Revocations {
    pub fn new(ctx: &Ctx) -> Self {
        Self { db: ctx.db.clone(), clock: Arc::clone(&ctx.clock), known: Arc::default() }
    }

    /// At most `limit` ended logins after a position, or the first ones, rendered by `render`. A page is rendered again only after
    /// the list has changed.
    pub async fn list_revoked(
        &self,
        after: Option<&Position>,
        limit: usize,
        render: impl FnOnce(&RevokedPage<'_>) -> Result<RenderedPage, Problem>,
    ) -> Result<RenderedPage, Problem> {
        let KnownLogins { read_at, logins, rendered, .. } = self.load_logins().await?;
        let start = after.map_or(0, |after| {
            logins
                .partition_point(|login| (login.ended_at, login.sid_hash.as_str()) <= (after.ended_at, &after.sid_hash))
        });
        let lock = || rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&start) {
            return Ok(known.clone());
        }
        let rest = &logins[start..];
        let page = &rest[..limit.min(rest.len())];
        let has_more = page.len() < rest.len();
        let next = match page.last().filter(|_| has_more) {
            Some(last) => Position { ended_at: last.ended_at, sid_hash: last.sid_hash.clone() },
            None => Position { ended_at: read_at - OVERLAP, sid_hash: String::new() },
        };
        let page = render(&RevokedPage { logins: page, next, has_more })?;
        let mut rendered = lock();
        if rendered.len() < MAX_RENDERED_PAGES {
            rendered.insert(start, page.clone());
        }
        Ok(page)
    }

    async fn load_logins(&self) -> Result<KnownLogins, DbError> {
        let mut known = self.known.lock().await;
        let now = self.clock.now_micros();
        // A list from the future was read before the clock was set back.
        let is_fresh = |known: &&KnownLogins| known.ready_at <= now && now.duration_since(known.ready_at) < MAX_AGE;
        if let Some(fresh) = known.as_ref().filter(is_fresh) {
            return Ok(fresh.clone());
        }
        let mut tx = self.db.read().await?;
        let logins = revoked_logins::list_revoked_logins(
            &mut tx,
            now - MAX_TOKEN_LIFETIME - LISTED_AFTER_END,
            now - LISTED_AFTER_END,
        );
        let logins = logins.await?;
        let ready_at = self.clock.now_micros();
        let read = match known.take().filter(|known| *known.logins == *logins && known.read_at <= now) {
            Some(same) => KnownLogins { read_at: now, ready_at, ..same },
            None => KnownLogins { read_at: now, ready_at, logins: logins.into(), rendered: Arc::default() },
        };
        *known = Some(read.clone());
        Ok(read)
    }
}
