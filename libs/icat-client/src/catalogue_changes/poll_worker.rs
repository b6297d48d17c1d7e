//! The worker that asks a foreign catalogue for changes and emits events in its place. One replica at a time.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use events::Outbox;
use events::messages::icat::{EntityChanged, Verb};
use jiff::{SignedDuration, Timestamp};
use service_kit::problem::format_error_chain;
use service_kit::{Clock, ConfigError, Ctx, Db, DbError, Lease, Leases, Listener, Worker};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::bookmarks::{POLL_BOOKMARK, PollBookmark};
use super::metrics::{EntityLabels, PollMetrics};
use super::{PolledEntities, create_change_events};
use crate::client::{Change, ChangePoller, IcatClient, PollSettings, Positions, ReaderAccount};
use crate::{IcatError, QueryError};

/// After a crash another process waits that long. A poll that takes longer renews its lease meanwhile.
const LEASE_TIME: Duration = Duration::from_mins(1);
/// How late a transaction may commit and still be seen by a poll; what comes later is found by the comparison.
const OVERLAP: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, Error)]
pub(super) enum PollError {
    #[error(transparent)]
    Icat(#[from] IcatError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// How a poll ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PollOutcome {
    Polled,
    /// Another replica polls or has just polled, or this process stops.
    Skipped,
}

/// Polls the catalogue. Everything it knows is in its bookmark, so that another replica can continue at any time.
pub(super) struct PollWorker {
    polled: Arc<PolledEntities>,
    settings: PollSettings,
    interval: Duration,
    pub(super) reader: ReaderAccount,
    pub(super) db: Db,
    leases: Leases,
    outbox: Outbox,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<PollMetrics>,
    stop: CancellationToken,
    /// Kept between polls, because it has checked the time zone. Its positions are read each time.
    poller: Mutex<Option<ChangePoller>>,
    is_failing: AtomicBool,
}

impl PollWorker {
    pub fn new(ctx: &Ctx, outbox: Outbox, polled: Arc<PolledEntities>) -> Result<Self, ConfigError> {
        let config = &ctx.config.core.icat;
        let icat = IcatClient::new(ctx.http.clone(), &ctx.endpoints.resolve_url(&config.url, Listener::Public));
        let reader = ReaderAccount::from_setting(config.reader.expose(), icat)?
            .ok_or_else(|| ConfigError("polling the catalogue for changes needs icat.reader".to_owned()))?;
        Ok(Self {
            polled,
            settings: PollSettings { overlap: OVERLAP, zone: config.parse_time_zone()?, ..PollSettings::default() },
            interval: config.poll_interval,
            reader,
            db: ctx.db.clone(),
            leases: ctx.leases.clone(),
            outbox,
            clock: Arc::clone(&ctx.clock),
            metrics: ctx.process.get_or_init(|| PollMetrics::register(&ctx.process)),
            stop: ctx.stop.clone(),
            poller: Mutex::default(),
            is_failing: AtomicBool::new(false),
        })
    }

    pub fn into_worker(self, ctx: &Ctx) -> Worker {
        let (interval, this) = (self.interval, Arc::new(self));
        Worker::periodic(POLL_BOOKMARK, interval, &ctx.stop, move || {
            let this = Arc::clone(&this);
            async move {
                this.poll_and_report().await;
                Ok::<(), Infallible>(())
            }
        })
    }

    /// Logs the begin and the end of an outage; the next poll continues from what is stored.
    async fn poll_and_report(&self) {
        let outcome = self.poll_with_lease().await;
        if matches!(outcome, Ok(PollOutcome::Skipped)) {
            return;
        }
        let was_failing = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(e) if was_failing => {
                tracing::debug!(error = format_error_chain(&e), "the catalogue still cannot be polled for changes");
            }
            Err(e) => tracing::warn!(
                error = format_error_chain(&e),
                "the catalogue cannot be polled for changes; polls continue where the last one ended"
            ),
            Ok(_) if was_failing => tracing::info!("the catalogue can be polled for changes again"),
            Ok(_) => {}
        }
    }

    async fn poll_with_lease(&self) -> Result<PollOutcome, PollError> {
        let names = self.polled.list_names();
        if names.is_empty() {
            return Ok(PollOutcome::Skipped);
        }
        let Some(lease) = self.leases.acquire(POLL_BOOKMARK, LEASE_TIME).await? else {
            return Ok(PollOutcome::Skipped);
        };
        let mut poller = self.poller.lock().await;
        // What a poll that ends early has not stored is read again by the next one.
        let outcome = tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(PollOutcome::Skipped),
            outcome = self.poll_entities(&lease, &names, &mut poller) => outcome,
            lost = self.renew_until_lost(&lease) => lost,
        };
        self.leases.release(&lease).await?;
        outcome
    }

    async fn renew_until_lost(&self, lease: &Lease) -> Result<PollOutcome, PollError> {
        loop {
            tokio::time::sleep(LEASE_TIME / 3).await;
            if !self.leases.renew(lease, LEASE_TIME).await? {
                return Ok(PollOutcome::Skipped);
            }
        }
    }

    /// One poll, and the comparisons that are due.
    async fn poll_entities(
        &self,
        lease: &Lease,
        names: &[&'static str],
        kept: &mut Option<ChangePoller>,
    ) -> Result<PollOutcome, PollError> {
        let mut bookmark = PollBookmark::load(&self.db).await?;
        self.update_metrics(&bookmark, names);
        if self.is_recent(&bookmark) {
            return Ok(PollOutcome::Skipped);
        }
        let poller = match kept {
            Some(poller) => poller,
            None => {
                let icat = self.reader.icat().clone();
                kept.insert(ChangePoller::new(icat, names, self.settings.clone(), Positions::new())?)
            }
        };
        if self.emit_changes(lease, poller, &mut bookmark).await? {
            self.compare_due_entities(lease, poller, names, &mut bookmark).await?;
        }
        self.update_metrics(&bookmark, names);
        Ok(PollOutcome::Polled)
    }

    /// Whether another replica has polled within this interval. A moment in the future was told by a clock that was wrong.
    fn is_recent(&self, bookmark: &PollBookmark) -> bool {
        let Some(polled_at) = bookmark.polled_at else { return false };
        Duration::try_from(self.clock.now().duration_since(polled_at)).is_ok_and(|age| age < self.interval / 2)
    }

    /// Polls until nothing is left, and stores the events of each batch with the bookmark. `false` if another replica has
    /// the lease by now, which has begun from what was stored before.
    async fn emit_changes(
        &self,
        lease: &Lease,
        poller: &mut ChangePoller,
        bookmark: &mut PollBookmark,
    ) -> Result<bool, PollError> {
        loop {
            poller.set_positions(bookmark.positions.clone());
            let now = self.clock.now();
            let changes = self.read_changes(poller, now).await?;
            poller.settle_positions(&changes, now);
            bookmark.positions.clone_from(poller.positions());
            bookmark.polled_at = Some(now);
            if !self.store_events(lease, &list_change_events(&changes), bookmark).await? {
                return Ok(false);
            }
            for change in &changes {
                self.metrics.changes.get_or_create(&EntityLabels { entity: change.entity }).inc();
            }
            if changes.len() < self.settings.batch {
                return Ok(true);
            }
        }
    }

    async fn read_changes(&self, poller: &mut ChangePoller, now: Timestamp) -> Result<Vec<Change>, IcatError> {
        let poller = Mutex::new(poller);
        let question = async |_: &IcatClient, session: &str| {
            let mut poller = poller.lock().await;
            poller.start_after_newest(session, now).await?;
            poller.poll_changes(session, now).await
        };
        self.reader.with_session(question).await
    }

    /// `false` if nothing was stored, because the lease is lost.
    pub(super) async fn store_events(
        &self,
        lease: &Lease,
        events: &[EntityChanged],
        bookmark: &PollBookmark,
    ) -> Result<bool, DbError> {
        let work = async |tx: &mut service_kit::Tx| bookmark.save_bookmark(tx, self.clock.now_micros()).await;
        self.store_events_with(lease, events, work).await
    }

    /// The same with other rows than the bookmark.
    pub(super) async fn store_events_with(
        &self,
        lease: &Lease,
        events: &[EntityChanged],
        save: impl AsyncFn(&mut service_kit::Tx) -> Result<(), DbError>,
    ) -> Result<bool, DbError> {
        self.db
            .write(async |tx| {
                if !lease.is_held(tx).await? {
                    return Ok(false);
                }
                for event in events {
                    self.outbox.emit(tx, event).await?;
                }
                save(tx).await?;
                Ok(true)
            })
            .await
    }

    fn update_metrics(&self, bookmark: &PollBookmark, names: &[&'static str]) {
        if let Some(polled_at) = bookmark.polled_at {
            self.metrics.polled_at.set(polled_at.as_second());
        }
        for &entity in names {
            if let Some(at) = bookmark.compared_at.get(entity).copied().map(Timestamp::as_second) {
                self.metrics.compared_at.get_or_create(&EntityLabels { entity }).set(at);
            }
        }
    }
}

/// A poll cannot tell a new row from a changed one: both count as updated.
fn list_change_events(changes: &[Change]) -> Vec<EntityChanged> {
    let mut by_entity: BTreeMap<&'static str, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        by_entity.entry(change.entity).or_default().push(change);
    }
    let mut events = Vec::new();
    for (entity, rows) in by_entity {
        let newest = rows.iter().map(|row| row.mod_time.as_millisecond()).max().unwrap_or_default();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        events.extend(create_change_events(entity, Verb::Updated, &ids, newest));
    }
    events
}
