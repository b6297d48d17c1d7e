//! The rotation of the signing keys as a command does it: with an entry in the audit log. A running server takes the keys over
//! within half a minute.

use std::sync::Arc;

use events::Outbox;
use service_kit::{BuildError, Config as Settings, Db, DbError, Sources};
use thiserror::Error;

use crate::audit::Audit;
use crate::config::{Config, SERVICE_NAME};
use crate::domain::audit::{AuditEntry, AuditKind, COMMAND_LINE};
use crate::domain::origin::Origin;
use crate::keys::{KeyError, Rotation, Urgency, locate_keys, rotate_keys};

/// Why keys could not be rotated.
#[derive(Debug, Error)]
pub enum KeyRotationError {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Setup(#[from] BuildError),
    #[error("the keys were rotated, but the audit log has no entry of it: {0}")]
    Audit(#[source] DbError),
}

/// Takes the next step of the rotation of a site.
pub async fn rotate_site_keys(
    db: &Db,
    settings: &Settings,
    config: &Config,
    sources: &Sources,
    urgency: Urgency,
) -> Result<Rotation, KeyRotationError> {
    let rotation = rotate_keys(&locate_keys(settings, config), sources.clock.now(), &*sources.ids, urgency)?;
    let what = match (&rotation, urgency) {
        (Rotation::Waiting { .. }, _) => return Ok(rotation),
        (Rotation::Prepared { .. }, _) => "prepared",
        (Rotation::Rotated { .. }, Urgency::Planned) => "rotated",
        (Rotation::Rotated { .. }, Urgency::Compromised) => "replaced_compromised",
    };
    let outbox = Outbox::new(SERVICE_NAME, Arc::clone(&sources.clock), Arc::clone(&sources.ids));
    let audit = Audit::new(Arc::clone(&sources.clock), outbox);
    let origin = Origin::default();
    let entry = AuditEntry { actor: Some(COMMAND_LINE), ..AuditEntry::new(AuditKind::Key, what, &origin) };
    audit.record_alone(db, &entry).await.map_err(KeyRotationError::Audit)?;
    Ok(rotation)
}
