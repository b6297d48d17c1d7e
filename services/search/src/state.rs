//! What the handlers share; built once per process.

use std::sync::Arc;
use std::time::Duration;

use identity::Identity;

use crate::authorized_search::AuthorizedSearch;
use crate::changes::ChangeQueue;
use crate::config::Config;
use crate::index_status::IndexStatusReader;
use crate::search_service::SearchService;
use crate::searches::CatalogueSearches;

pub struct State {
    pub config: Config,
    /// How long requests may pause.
    pub idle_timeout: Duration,
    pub changes: ChangeQueue,
    pub searches: Arc<SearchService>,
    pub authorized: Arc<AuthorizedSearch>,
    pub catalogue_searches: Arc<CatalogueSearches>,
    pub index_status: IndexStatusReader,
    pub identity: Identity,
}
