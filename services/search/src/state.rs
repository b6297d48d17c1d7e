//! What the handlers share; built once per process.

use crate::changes::ChangeQueue;
use crate::config::Config;
use crate::search_service::SearchService;

pub struct State {
    pub config: Config,
    pub changes: ChangeQueue,
    pub searches: SearchService,
}
