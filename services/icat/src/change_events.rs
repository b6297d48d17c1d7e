//! Events that the catalogue publishes: changed entities (`icat.entity.changed`) and ended sessions.

use std::sync::Arc;

use events::Outbox;
use service_kit::Sources;

use crate::config::SERVICE_NAME;

/// The outbox of a command that changes rows, so that subscribers of a running catalogue hear of the changes.
pub fn new_outbox(sources: &Sources) -> Outbox {
    Outbox::new(SERVICE_NAME, Arc::clone(&sources.clock), Arc::clone(&sources.ids))
}
