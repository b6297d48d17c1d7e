//! What portals show about maintenance: read by everybody, set by administrators.

use std::sync::Arc;

use service_kit::{Clock, Ctx, Db, DbError, Tx};

use crate::audit::Audit;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::maintenance::{MaintenanceKind, MaintenanceState};
use crate::domain::origin::Origin;
use crate::store::maintenance;

/// Keeps the notices.
pub struct Maintenance {
    db: Db,
    clock: Arc<dyn Clock>,
    audit: Audit,
}

impl Maintenance {
    pub fn new(ctx: &Ctx, audit: Audit) -> Self {
        Self { db: ctx.db.clone(), clock: Arc::clone(&ctx.clock), audit }
    }

    pub async fn get_state(&self, kind: MaintenanceKind) -> Result<MaintenanceState, DbError> {
        let found = maintenance::find_state(&mut self.db.read().await?, kind).await?;
        Ok(found.unwrap_or_else(MaintenanceState::unset))
    }

    /// Sets a notice in the name of an administrator.
    pub async fn set_state(
        &self,
        kind: MaintenanceKind,
        state: &MaintenanceState,
        user_name: &str,
        origin: &Origin,
    ) -> Result<(), DbError> {
        let now = self.clock.now_micros();
        let what = if state.show { "shown" } else { "hidden" };
        let entry = AuditEntry { user_name: Some(user_name), ..AuditEntry::new(AuditKind::Maintenance, what, origin) };
        let store = async |tx: &mut Tx| {
            maintenance::store_state(tx, kind, state, now, user_name).await?;
            self.audit.record_entry(tx, &entry).await
        };
        self.db.write(store).await
    }
}
