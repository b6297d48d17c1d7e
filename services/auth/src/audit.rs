//! The audit log: an entry is stored in the transaction of what it is about, and published.

use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use events::messages::auth::AuditRecorded;
use service_kit::{Clock, Db, DbError, Tx};

use crate::domain::audit::AuditEntry;
use crate::store::audit;

/// Writes the audit log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit {
    clock: Arc<dyn Clock>,
    outbox: Outbox,
}

impl Audit {
    pub fn new(clock: Arc<dyn Clock>, outbox: Outbox) -> Self {
        Self { clock, outbox }
    }

    /// Stores an entry in a transaction.
    pub async fn record_entry(&self, tx: &mut Tx, entry: &AuditEntry<'_>) -> Result<(), DbError> {
        audit::insert_entry(tx, entry, self.clock.now_micros()).await?;
        if entry.is_routine() {
            return Ok(());
        }
        self.outbox.emit(tx, &to_event(entry)).await
    }

    /// Stores an entry in a transaction of its own.
    pub async fn record_alone(&self, db: &Db, entry: &AuditEntry<'_>) -> Result<(), DbError> {
        db.write(async |tx| self.record_entry(tx, entry).await).await
    }
}

fn to_event(entry: &AuditEntry<'_>) -> AuditRecorded {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    AuditRecorded {
        kind: entry.kind.as_str().to_owned(),
        reason: entry.reason.to_owned(),
        subject: text(entry.user_name),
        actor: text(entry.actor),
        provider: text(entry.provider),
        client: text(entry.client),
        address: entry.origin.address_text().unwrap_or_default(),
        sid_hash: text(entry.sid_hash),
    }
}

/// Deletes the entries that are older than `retention`; returns how many.
pub async fn delete_old_entries(db: &Db, clock: &dyn Clock, retention: Duration) -> Result<u64, DbError> {
    db.write(async |tx| audit::delete_old_entries(tx, clock.now_micros() - retention).await).await
}
