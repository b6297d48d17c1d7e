//! What the handlers share; built once per process.

use std::sync::Arc;

use identity::Identity;
use jiff::tz::TimeZone;

use crate::authorized_search::AuthorizedSearch;
use crate::changes::ChangeQueue;
use crate::config::Config;
use crate::index_progress::IndexProgress;
use crate::points_in_time::PointsInTime;
use crate::search_service::SearchService;

pub struct State {
    pub config: Config,
    pub changes: ChangeQueue,
    pub searches: Arc<SearchService>,
    pub authorized: AuthorizedSearch,
    pub identity: Identity,
    pub points_in_time: PointsInTime,
    pub index_progress: IndexProgress,
    /// In which days begin and end.
    pub zone: TimeZone,
}
