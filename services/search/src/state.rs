//! What the handlers share; built once per process.

use std::sync::Arc;

use service_kit::{Clock, Db};

use crate::changes::ChangeQueue;
use crate::config::Config;
use crate::search_service::SearchService;

pub struct State {
    pub config: Config,
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub changes: ChangeQueue,
    pub searches: SearchService,
}
