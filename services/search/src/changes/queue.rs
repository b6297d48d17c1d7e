//! The queue of accepted changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use events::Outbox;
use events::messages::icat::{EntityChanged, Verb};
use icat_client::catalogue_changes::create_change_events;
use service_kit::{Clock, Db, DbError, Micros, Tx};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::metrics::ChangeMetrics;
use crate::domain::change_request::{ChangedRow, ParsedChanges, RejectedDocument};
use crate::domain::entity::EntityKind;
use crate::error::Error;
use crate::store::catalogue_scans::is_scan_running;
use crate::store::change_batches::{self, BatchKind};
use crate::store::entity_locks::{hold_locks, is_any_locked, lock_entity, unlock_entity};
use crate::store::held_batches::{create_held_batch, delete_held_batches, find_next_held_batch};
use crate::store::rejected_documents::{create_rejected_documents, delete_earlier_rejected_documents};

/// Batches of an entity that is populated, each of up to some 10,000 documents, that are accepted before the first of them is in
/// the index.
const MAX_WAITING_BATCHES: i64 = 16;
/// How long a request waits for the index. icat.server sends nothing else meanwhile, and repeats the request later.
const MAX_WAIT: Duration = Duration::from_mins(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Accepts changes and tells when they are visible.
#[derive(Clone)]
pub struct ChangeQueue {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    outbox: Outbox,
    /// Of this start of the process.
    pub(super) process: String,
    pub(super) metrics: ChangeMetrics,
    pub(super) wake: Arc<Notify>,
    /// Whether somebody waits for the next commit of the index.
    pub(super) is_commit_wanted: Arc<AtomicBool>,
    /// Changes with each commit of the index.
    pub(super) commits: watch::Sender<u64>,
}

impl ChangeQueue {
    pub fn new(db: Db, clock: Arc<dyn Clock>, outbox: Outbox, metrics: ChangeMetrics, process: String) -> Self {
        Self {
            db,
            clock,
            outbox,
            metrics,
            process,
            wake: Arc::new(Notify::new()),
            is_commit_wanted: Arc::new(AtomicBool::new(false)),
            commits: watch::Sender::new(0),
        }
    }

    /// Stores the operations of an icat.server, and tells the other services what has changed. When this returns, the
    /// operations survive the end of the process.
    pub async fn store_operations(&self, body: &str, parsed: &ParsedChanges) -> Result<(), DbError> {
        let now = self.clock.now_micros();
        let events = list_change_events(&parsed.changed_rows, now);
        self.db
            .write(async |tx| {
                let id = self.insert_batch(tx, BatchKind::Modify, "", body, &parsed.rejected, now).await?;
                if hold_locks(tx).await? {
                    create_held_batch(tx, id, body).await?;
                }
                self.outbox.emit_all(tx, &events).await
            })
            .await?;
        self.metrics.waiting_batches.inc();
        self.report_rejected(&parsed.rejected);
        Ok(())
    }

    /// Stores documents of an entity that is populated.
    pub async fn store_documents(
        &self,
        entity: EntityKind,
        body: &str,
        rejected: &[RejectedDocument],
    ) -> Result<(), DbError> {
        let (entity, now) = (entity.to_string(), self.clock.now_micros());
        self.db.write(async |tx| self.insert_batch(tx, BatchKind::Add, &entity, body, rejected, now).await).await?;
        self.metrics.waiting_batches.inc();
        self.report_rejected(rejected);
        Ok(())
    }

    pub(super) async fn insert_batch(
        &self,
        tx: &mut Tx,
        kind: BatchKind,
        entity: &str,
        body: &str,
        rejected: &[RejectedDocument],
        now: Micros,
    ) -> Result<i64, DbError> {
        let id = change_batches::create_batch(tx, kind, entity, body, now).await?;
        create_rejected_documents(tx, rejected, now).await?;
        tx.notify_on_commit(&self.wake);
        Ok(id)
    }

    pub(super) fn report_rejected(&self, rejected: &[RejectedDocument]) {
        let Some(first) = rejected.first() else { return };
        self.metrics.rejected_documents.inc_by(rejected.len() as u64);
        tracing::warn!(
            entity.name = first.entity,
            entity.id = first.entity_id,
            error = first.reason,
            rejected = rejected.len(),
            "documents cannot be indexed and were set aside in the table rejected_document; this is the first of them"
        );
    }

    /// Deletes all rows of all entities.
    pub async fn clear_index(&self) -> Result<(), DbError> {
        let now = self.clock.now_micros();
        self.db
            .write(async |tx| {
                for entity in EntityKind::list_all() {
                    self.insert_batch(tx, BatchKind::Clear, &entity.to_string(), "", &[], now).await?;
                }
                Ok(())
            })
            .await
    }

    /// Begins to populate an entity; returns whether it was not locked. With `replaces_rows`, the rows that are sent until the
    /// end of the lock replace those that are there; searches find these until then.
    pub async fn lock_entity(&self, entity: EntityKind, replaces_rows: bool) -> Result<bool, DbError> {
        let (entity, now) = (entity.to_string(), self.clock.now_micros());
        self.db
            .write(async |tx| {
                let generation = if replaces_rows { change_batches::allocate_id(tx).await? } else { 0 };
                if !lock_entity(tx, &entity, generation, &self.process, now).await? {
                    return Ok(false);
                }
                if replaces_rows {
                    change_batches::insert_batch(tx, generation, BatchKind::BeginGeneration, &entity, "", now).await?;
                }
                tx.notify_on_commit(&self.wake);
                Ok(true)
            })
            .await
    }

    /// Ends the lock of an entity; returns whether it was locked. Without `deletes_older_rows`, the rows that were there before
    /// the lock are kept.
    pub async fn unlock_entity(&self, entity: EntityKind, deletes_older_rows: bool) -> Result<bool, DbError> {
        let now = self.clock.now_micros();
        self.db
            .write(async |tx| {
                // The service itself ends its scans.
                if is_scan_running(tx, &entity.to_string()).await? {
                    return Ok(false);
                }
                self.end_population(tx, entity, deletes_older_rows, now).await
            })
            .await
    }

    /// Removes the lock of an entity; returns whether there was one. Operations that came meanwhile are applied again, because
    /// the documents that were sent may be older.
    pub(super) async fn end_population(
        &self,
        tx: &mut Tx,
        entity: EntityKind,
        deletes_older_rows: bool,
        now: Micros,
    ) -> Result<bool, DbError> {
        let entity = entity.to_string();
        let Some(generation) = unlock_entity(tx, &entity).await? else { return Ok(false) };
        if generation != 0 && deletes_older_rows {
            let body = generation.to_string();
            change_batches::create_batch(tx, BatchKind::EndGeneration, &entity, &body, now).await?;
            delete_earlier_rejected_documents(tx, &entity, generation).await?;
        }
        // Those that came before the population began are older than its documents.
        let mut after = if generation == 0 { i64::MIN } else { generation };
        while let Some((id, body)) = find_next_held_batch(tx, after).await? {
            change_batches::create_batch(tx, BatchKind::Modify, "", &body, now).await?;
            after = id;
        }
        if !is_any_locked(tx).await? {
            delete_held_batches(tx).await?;
        }
        tx.notify_on_commit(&self.wake);
        Ok(true)
    }

    /// Waits until all batches that are stored now are visible to searches; fails if the index cannot be written for so long.
    pub async fn wait_until_visible(&self) -> Result<(), Error> {
        let Some(last) = change_batches::find_last_id(&mut self.db.read().await?).await? else { return Ok(()) };
        self.wait_for_commit(async || {
            let oldest = change_batches::find_first_id(&mut self.db.read().await?).await?;
            Ok(oldest.is_none_or(|oldest| oldest > last))
        })
        .await
    }

    /// Waits while many batches are not in the index yet, so that whoever populates an entity is not faster than the index.
    pub async fn wait_for_room(&self) -> Result<(), Error> {
        self.wait_for_commit(async || {
            Ok(change_batches::count_batches(&mut self.db.read().await?).await? < MAX_WAITING_BATCHES)
        })
        .await
    }

    pub(super) async fn wait_for_commit(&self, is_done: impl AsyncFn() -> Result<bool, DbError>) -> Result<(), Error> {
        let mut commits = self.commits.subscribe();
        let end = Instant::now() + MAX_WAIT;
        loop {
            commits.mark_unchanged();
            if is_done().await? {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(Error::NotWritten);
            }
            self.is_commit_wanted.store(true, Ordering::Release);
            self.wake.notify_one();
            // Another process may write the index.
            let _committed = timeout(LOOK_AGAIN_AFTER, commits.changed()).await;
        }
    }
}

/// Events of the changed rows. icat.server does not say when a row changed, so that their revision is the moment at which the
/// change was received.
fn list_change_events(rows: &[ChangedRow], now: Micros) -> Vec<EntityChanged> {
    let mut ids: BTreeMap<(&'static str, i32), BTreeSet<i64>> = BTreeMap::new();
    for ChangedRow { entity, verb, id } in rows {
        ids.entry((entity, i32::from(*verb))).or_default().insert(*id);
    }
    let revision = now.as_i64() / 1_000;
    ids.into_iter()
        .flat_map(|((entity, verb), ids)| {
            let ids: Vec<i64> = ids.into_iter().collect();
            create_change_events(entity, Verb::try_from(verb).unwrap_or_default(), &ids, revision)
        })
        .collect()
}
