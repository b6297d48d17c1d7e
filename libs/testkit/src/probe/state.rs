//! What the handlers share; built once per process.

use std::sync::Arc;

use ::events::Outbox;
use service_kit::{Clock, Db};

use super::config::Config;

pub struct State {
    pub config: Config,
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    /// Tells others what changed here.
    pub outbox: Outbox,
}
