//! Who changes rows in a transaction, and the events that tell others what changed.

use std::sync::{Mutex, PoisonError};

use events::Outbox;
use events::messages::icat::{EntityChanged, Verb};
use icat_client::schema::Entity;
use service_kit::{Db, DbError, Micros, Tx};

/// An event lists no more rows than this; a larger change is several events.
const IDS_PER_EVENT: usize = 200;

/// Who changes rows, when, and what has been changed so far in the transaction.
#[derive(Debug)]
pub struct Author {
    pub user_name: String,
    pub changed_at: Micros,
    changes: Mutex<Vec<Change>>,
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
        Self { user_name: user_name.into(), changed_at, changes: Mutex::default() }
    }

    /// Runs `work` in a write transaction that ends with the events of its changes.
    pub async fn run_transaction<T, E: From<DbError>>(
        &self,
        db: &Db,
        outbox: &Outbox,
        mut work: impl AsyncFnMut(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        db.write(async |tx| {
            // A transaction that lost against another is run again from the start.
            self.lock_changes().clear();
            let done = work(tx).await?;
            self.emit_change_events(tx, outbox).await?;
            Ok(done)
        })
        .await
    }

    /// Notes changed rows; deleted ones have no revision any more.
    pub(super) fn record_changes(&self, entity: &Entity, verb: Verb, rows: impl IntoIterator<Item = (i64, i64)>) {
        let changes = rows.into_iter().map(|(id, revision)| Change { entity: entity.name, verb, id, revision });
        self.lock_changes().extend(changes);
    }

    /// One event per kind and verb in the order in which they began.
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
