//! The author of changes, who collects them and publishes them as events.

use std::sync::{Mutex, PoisonError};

use events::Outbox;
use events::messages::icat::{EntityChanged, Verb};
use icat_client::schema::Entity;
use service_kit::{Db, DbError, Micros, Tx};

use super::derived_rows::DerivedRows;

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
}

#[derive(Debug)]
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
        }
    }

    /// Runs `work` in a write transaction, and emits the events of its changes at the end.
    pub async fn run_transaction<T, E: From<DbError>>(
        &self,
        db: &Db,
        outbox: &Outbox,
        mut work: impl AsyncFnMut(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        db.write(async |tx| {
            // A transaction that conflicts with another is run again from the start.
            self.lock_changes().clear();
            *self.derived.lock().await = DerivedRows::default();
            let done = work(tx).await?;
            self.derived.lock().await.store_derived_rows(tx).await?;
            self.emit_change_events(tx, outbox).await?;
            Ok(done)
        })
        .await
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
        let mut groups: Vec<(&'static str, Verb, Vec<&Change>)> = Vec::new();
        for change in &changes {
            match groups.iter_mut().find(|(entity, verb, _)| (*entity, *verb) == (change.entity, change.verb)) {
                Some((_, _, rows)) => rows.push(change),
                None => groups.push((change.entity, change.verb, vec![change])),
            }
        }
        for (entity, verb, rows) in groups {
            for rows in rows.chunks(IDS_PER_EVENT) {
                let event = EntityChanged {
                    entity: entity.to_owned(),
                    ids: rows.iter().map(|row| row.id).collect(),
                    verb: verb.into(),
                    revision: rows.iter().map(|row| row.revision).max().unwrap_or_default(),
                    actor: self.user_name.clone(),
                };
                outbox.emit(tx, &event).await?;
            }
        }
        Ok(())
    }

    fn lock_changes(&self) -> std::sync::MutexGuard<'_, Vec<Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
