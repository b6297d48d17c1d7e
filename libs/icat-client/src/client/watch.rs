//! Watching a catalogue that tells nobody what changes: a worker that polls, stores what it found with its effect in one
//! transaction, and compares all ids once a night, because a poll sees no deletions.
//!
//! For services over a real icat.server; the embedded catalogue publishes events instead. One replica watches at a time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::problem::format_error_chain;
use service_kit::{Clock, ConfigError, Ctx, Db, DbError, Lease, Leases, Listener, Problem, Tx, Worker};
use thiserror::Error;
use tokio::sync::Mutex;

use super::IcatClient;
use super::error::IcatError;
use super::poller::{Change, ChangePoller, PollSettings, Positions, is_reconciliation_due};
use super::query::QueryError;
use super::reader::ReaderAccount;

const READ: &str = "SELECT value FROM bookmark WHERE name = $1";
const SAVE: &str = "INSERT INTO bookmark (name, value, changed_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at";
/// Every statement, for the test that prepares them on each engine.
pub const STATEMENTS: [&str; 2] = [READ, SAVE];
/// A poll may wait for a slow server as long as the HTTP client allows; the lease outlives that.
const LEASE_TIME: Duration = Duration::from_mins(5);

/// What is watched, and how often.
#[derive(Debug, Clone)]
pub struct Watch {
    /// `<service>-<purpose>`; under it positions are kept.
    pub name: &'static str,
    /// Names of the schema.
    pub entities: &'static [&'static str],
    pub interval: Duration,
    pub settings: PollSettings,
    /// The UTC hour of the nightly comparison.
    pub reconcile_hour: u8,
}

/// Where a watch stands; stored as JSON.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Bookmark {
    positions: Positions,
    reconciled_at: Option<Timestamp>,
}

#[derive(Debug, Error)]
enum WatchError {
    #[error(transparent)]
    Icat(#[from] IcatError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Effect(#[from] Problem),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("a stored position cannot be read: {0}")]
    Bookmark(#[from] serde_json::Error),
}

/// A watch at work.
struct Watching<C, R> {
    watch: Watch,
    reader: ReaderAccount,
    db: Db,
    leases: Leases,
    clock: Arc<dyn Clock>,
    on_changes: C,
    on_all: R,
    /// Kept between polls, because it knows what it has reported and has tried its zone.
    poller: Mutex<Option<ChangePoller>>,
}

impl Watch {
    /// `on_changes` gets what changed, `on_all` once a night each entity with all ids that there are (what is missing was
    /// deleted). Both do database work only, in the transaction that stores how far the watch is, so that each change has
    /// its effect once. Needs `icat.reader`.
    pub fn worker<C, R>(self, ctx: &Ctx, on_changes: C, on_all: R) -> Result<Worker, ConfigError>
    where
        C: AsyncFn(&mut Tx, &[Change]) -> Result<(), Problem> + Send + Sync + 'static,
        R: AsyncFn(&mut Tx, &'static str, &[i64]) -> Result<(), Problem> + Send + Sync + 'static,
    {
        let core = &ctx.config.core;
        let icat = IcatClient::new(ctx.http.clone(), &ctx.endpoints.resolve_url(&core.icat.url, Listener::Public));
        let reader = ReaderAccount::from_setting(&core.icat.reader, icat)?
            .ok_or_else(|| ConfigError("watching ICAT for changes needs icat.reader".to_owned()))?;
        let (name, interval) = (self.name, self.interval);
        let watching = Arc::new(Watching {
            watch: self,
            reader,
            db: ctx.db.clone(),
            leases: ctx.leases.clone(),
            clock: Arc::clone(&ctx.clock),
            on_changes,
            on_all,
            poller: Mutex::default(),
        });
        Ok(Worker::periodic(name, interval, &ctx.stop, move || {
            let watching = Arc::clone(&watching);
            async move { watching.round().await }
        }))
    }
}

impl<C, R> Watching<C, R>
where
    C: AsyncFn(&mut Tx, &[Change]) -> Result<(), Problem>,
    R: AsyncFn(&mut Tx, &'static str, &[i64]) -> Result<(), Problem>,
{
    /// One poll, and the nightly comparison when it is due. After a failure the next round starts from what is stored.
    async fn round(&self) -> Result<(), WatchError> {
        let Some(lease) = self.leases.acquire(self.watch.name, LEASE_TIME).await? else { return Ok(()) };
        let mut poller = self.poller.lock().await;
        let outcome = self.work(&lease, &mut poller).await;
        if let Err(e) = &outcome {
            tracing::debug!(watch = self.watch.name, error = format_error_chain(e), "positions are read again");
            *poller = None;
        }
        outcome
    }

    async fn work(&self, lease: &Lease, held: &mut Option<ChangePoller>) -> Result<(), WatchError> {
        let mut bookmark = self.bookmark().await?;
        let now = self.clock.now();
        if is_reconciliation_due(bookmark.reconciled_at, now, self.watch.reconcile_hour) {
            self.compare_all(lease).await?;
            bookmark.reconciled_at = Some(now);
        }
        let poller = match held.take() {
            Some(poller) => poller,
            None => self.new_poller(bookmark.positions.clone())?,
        };
        let poller = Mutex::new(poller);
        let changes =
            self.reader.with_session(async |_, session| poller.lock().await.poll_changes(session).await).await?;
        let poller = poller.into_inner();
        bookmark.positions = poller.positions().clone();
        let text = serde_json::to_string(&bookmark)?;
        let kept = self
            .db
            .write(async |tx| -> Result<bool, Problem> {
                // A successor has begun from what was stored before.
                if !lease.is_held(tx).await? {
                    return Ok(false);
                }
                if !changes.is_empty() {
                    (self.on_changes)(tx, &changes).await?;
                }
                let vals = [self.watch.name.into(), text.as_str().into(), now.as_microsecond().into()];
                tx.execute(SAVE, &vals).await?;
                Ok(true)
            })
            .await?;
        *held = kept.then_some(poller);
        Ok(())
    }

    fn new_poller(&self, positions: Positions) -> Result<ChangePoller, WatchError> {
        let icat = self.reader.icat().clone();
        Ok(ChangePoller::new(icat, self.watch.entities, self.watch.settings.clone(), positions)?)
    }

    async fn compare_all(&self, lease: &Lease) -> Result<(), WatchError> {
        let poller = self.new_poller(Positions::new())?;
        for &entity in self.watch.entities {
            let ids = self.reader.with_session(async |_, session| poller.list_ids(session, entity).await).await?;
            self.db
                .write(async |tx| -> Result<(), Problem> {
                    if lease.is_held(tx).await? { (self.on_all)(tx, entity, &ids).await } else { Ok(()) }
                })
                .await?;
        }
        Ok(())
    }

    async fn bookmark(&self) -> Result<Bookmark, WatchError> {
        let row = self.db.read().await?.fetch_optional(READ, &[self.watch.name.into()]).await?;
        Ok(match row {
            Some(row) => serde_json::from_str(&row.get::<String>("value")?)?,
            None => Bookmark::default(),
        })
    }
}
