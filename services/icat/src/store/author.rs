//! The author of changes, who collects them and publishes them as events.

use std::sync::{Arc, Mutex, PoisonError};

use events::Outbox;
use events::messages::icat::{EntityChanged, Verb};
use icat_client::schema::Entity;
use service_kit::{Db, DbError, Micros, Tx, WriteOptions};

use super::derived_rows::DerivedRows;
use super::{MaintainedSets, datafile_counters, grants};

/// The most rows of one event; a larger change becomes several events.
const IDS_PER_EVENT: usize = 200;

/// Who changes rows and when, and the changes of the current transaction.
#[derive(Debug)]
pub struct Author {
    pub user_name: String,
    pub changed_at: Micros,
    changes: Mutex<Vec<Change>>,
    /// What follows from the changes.
    derived: tokio::sync::Mutex<DerivedRows>,
    is_long: bool,
}

#[derive(Debug, Clone, Copy)]
struct Change {
    entity: &'static str,
    verb: Verb,
    id: i64,
    revision: i64,
}

impl Author {
    pub fn new(user_name: impl Into<String>, changed_at: Micros) -> Self {
        Self {
            user_name: user_name.into(),
            changed_at,
            changes: Mutex::default(),
            derived: tokio::sync::Mutex::default(),
            is_long: false,
        }
    }

    /// For transactions that may take seconds, so that others are not acknowledged together with them.
    pub fn for_long_work(mut self) -> Self {
        self.is_long = true;
        self
    }

    /// Runs `work` in a write transaction, and emits the events of its changes at the end.
    pub async fn run_transaction<T, E: From<DbError>>(
        &self,
        db: &Db,
        outbox: &Outbox,
        mut work: impl AsyncFnMut(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let respected_locks = &[datafile_counters::LOCKED_TABLE, grants::LOCKED_TABLE];
        let options = WriteOptions { is_alone: self.is_long, respected_locks, ..WriteOptions::default() };
        db.write_with(options, async |tx| {
            // A transaction that conflicts with another is run again from the start.
            self.lock_changes().clear();
            *self.derived.lock().await = DerivedRows::default();
            let done = work(tx).await?;
            self.store_derived_rows(tx).await?;
            self.emit_change_events(tx, outbox).await?;
            Ok(done)
        })
        .await
    }

    /// Stores what follows from the changes so far; at the end of the transaction.
    pub(crate) async fn store_derived_rows(&self, tx: &mut Tx) -> Result<(), DbError> {
        self.derived.lock().await.store_derived_rows(tx).await
    }

    /// Takes the sets of granted rows as the snapshot of the current transaction has them, so that they are not read again.
    pub async fn set_known_sets(&self, sets: &Arc<MaintainedSets>) {
        self.derived.lock().await.set_known_sets(Arc::clone(sets));
    }

    /// What follows from the changes; it must be told of each.
    pub(super) async fn lock_derived(&self) -> tokio::sync::MutexGuard<'_, DerivedRows> {
        self.derived.lock().await
    }

    /// Records changed rows, as ids and revisions.
    pub(super) fn record_changes(&self, entity: &Entity, verb: Verb, rows: impl IntoIterator<Item = (i64, i64)>) {
        let changes = rows.into_iter().map(|(id, revision)| Change { entity: entity.name, verb, id, revision });
        self.lock_changes().extend(changes);
    }

    /// Entity type, verb and id of the changes so far.
    #[cfg(test)]
    pub(crate) fn list_changes(&self) -> Vec<(&'static str, String, i64)> {
        self.lock_changes().iter().map(|change| (change.entity, format!("{:?}", change.verb), change.id)).collect()
    }

    /// Emits one event per entity type and verb, in the order of first appearance.
    async fn emit_change_events(&self, tx: &mut Tx, outbox: &Outbox) -> Result<(), DbError> {
        let changes = std::mem::take(&mut *self.lock_changes());
        let groups = group_changes(changes);
        let events =
            groups.iter().flat_map(|group| group.chunks(IDS_PER_EVENT)).filter_map(|rows| self.build_event(rows));
        outbox.emit_all(tx, &events.collect::<Vec<_>>()).await
    }

    /// Emits those events of a long transaction that cannot grow any more, so that the changes take little memory.
    pub async fn emit_full_events(&self, tx: &mut Tx, outbox: &Outbox) -> Result<(), DbError> {
        let changes = std::mem::take(&mut *self.lock_changes());
        let (mut events, mut rest) = (Vec::new(), Vec::new());
        for group in group_changes(changes) {
            let mut full = group.chunks_exact(IDS_PER_EVENT);
            events.extend(full.by_ref().filter_map(|rows| self.build_event(rows)));
            rest.extend_from_slice(full.remainder());
        }
        self.lock_changes().extend(rest);
        outbox.emit_all(tx, &events).await
    }

    /// The event of changes of one entity type and verb.
    fn build_event(&self, rows: &[Change]) -> Option<EntityChanged> {
        let first = rows.first()?;
        Some(EntityChanged {
            entity: first.entity.to_owned(),
            ids: rows.iter().map(|row| row.id).collect(),
            verb: first.verb.into(),
            revision: rows.iter().map(|row| row.revision).max().unwrap_or_default(),
            actor: self.user_name.clone(),
        })
    }

    fn lock_changes(&self) -> std::sync::MutexGuard<'_, Vec<Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes by entity type and verb, in the order of first appearance.
fn group_changes(changes: Vec<Change>) -> Vec<Vec<Change>> {
    let mut groups: Vec<Vec<Change>> = Vec::new();
    for change in changes {
        let is_same = |known: &Change| (known.entity, known.verb) == (change.entity, change.verb);
        match groups.iter_mut().find(|group| group.first().is_some_and(is_same)) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    groups
}
