//! The queue of accepted changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use events::Outbox;
use events::messages::icat::{EntityChanged, Verb};
use icat_client::catalogue_changes::create_change_events;
use service_kit::{Clock, Db, DbError, Micros, Tx};
use tokio::sync::{Notify, watch};

use super::metrics::ChangeMetrics;
use crate::domain::change_request::RejectedDocument;
use crate::domain::change_request::{ChangedRow, ParsedChanges};
use crate::domain::entity::EntityKind;
use crate::store::change_batches::{self, BatchKind};
use crate::store::entity_locks::{lock_entity, unlock_entity};
use crate::store::rejected_documents::create_rejected_documents;

/// Accepts changes and tells when they are visible.
#[derive(Clone)]
pub struct ChangeQueue {
    db: Db,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
    /// Of this start of the process.
    process: String,
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
                self.insert_batch(tx, BatchKind::Modify, "", body, &parsed.rejected, now).await?;
                for event in &events {
                    self.outbox.emit(tx, event).await?;
                }
                Ok::<_, DbError>(())
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

    async fn insert_batch(
        &self,
        tx: &mut Tx,
        kind: BatchKind,
        entity: &str,
        body: &str,
        rejected: &[RejectedDocument],
        now: Micros,
    ) -> Result<(), DbError> {
        change_batches::create_batch(tx, kind, entity, body, now).await?;
        create_rejected_documents(tx, rejected, now).await?;
        tx.notify_on_commit(&self.wake);
        Ok(())
    }

    fn report_rejected(&self, rejected: &[RejectedDocument]) {
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
                let generation = if replaces_rows {
                    change_batches::create_batch(tx, BatchKind::BeginGeneration, &entity, "", now).await?
                } else {
                    0
                };
                if !lock_entity(tx, &entity, generation, &self.process, now).await? {
                    change_batches::delete_batches(tx, &[generation]).await?;
                    return Ok(false);
                }
                tx.notify_on_commit(&self.wake);
                Ok(true)
            })
            .await
    }

    /// Ends the lock of an entity; returns whether it was locked. Without `deletes_older_rows`, the rows that were there before
    /// the lock are kept.
    pub async fn unlock_entity(&self, entity: EntityKind, deletes_older_rows: bool) -> Result<bool, DbError> {
        let (entity, now) = (entity.to_string(), self.clock.now_micros());
        self.db
            .write(async |tx| {
                let Some(generation) = unlock_entity(tx, &entity).await? else { return Ok(false) };
                if generation != 0 && deletes_older_rows {
                    let body = generation.to_string();
                    change_batches::create_batch(tx, BatchKind::EndGeneration, &entity, &body, now).await?;
                    tx.notify_on_commit(&self.wake);
                }
                Ok(true)
            })
            .await
    }

    /// Waits until all batches that are stored now are visible to searches.
    pub async fn wait_until_visible(&self) -> Result<(), DbError> {
        let mut commits = self.commits.subscribe();
        let Some(last) = change_batches::find_last_id(&mut self.db.read().await?).await? else { return Ok(()) };
        loop {
            commits.mark_unchanged();
            let oldest = change_batches::find_first_id(&mut self.db.read().await?).await?;
            if oldest.is_none_or(|oldest| oldest > last) {
                return Ok(());
            }
            self.is_commit_wanted.store(true, Ordering::Release);
            self.wake.notify_one();
            // The sender lives as long as this queue.
            let _ended = commits.changed().await;
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
