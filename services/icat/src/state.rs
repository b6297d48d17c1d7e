//! What the catalogue's handlers share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events::Outbox;
use service_kit::{Clock, Db, Ids, Listener};

use tokio::sync::Semaphore;

use crate::auth::RuleSet;
use crate::config::Config;
use crate::query::ParseContext;

/// Of the ten connections that a catalogue has by default.
const DUMPS_AT_ONCE: usize = 2;

/// Built once per process.
pub struct State {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub http: service_kit::HttpClient,
    pub config: Config,
    /// Tells others what changed here.
    pub outbox: Outbox,
    /// Root addresses of the authenticators, in the order of `config.authn`.
    pub authn_urls: Vec<String>,
    pub parse: ParseContext,
    /// A dump keeps a connection of the database for as long as its client reads, so there are few at once.
    pub dumps: Arc<Semaphore>,
    /// Where uploads are kept until all of them is there.
    pub data_dir: PathBuf,
    /// How long an upload may be silent.
    pub idle_timeout: Duration,
    /// The parsed rules as of some version; replaced when the version in the database has risen.
    pub rules: Mutex<Option<Arc<RuleSet>>>,
}

impl State {
    pub fn new(ctx: service_kit::Ctx, config: Config, outbox: Outbox) -> Result<Self, service_kit::ConfigError> {
        let authn_urls = config.authn.iter().map(|a| ctx.endpoints.resolve_url(&a.url, Listener::Internal)).collect();
        Ok(Self {
            dumps: Arc::new(Semaphore::new(DUMPS_AT_ONCE)),
            data_dir: ctx.config.core.data_dir.clone(),
            idle_timeout: ctx.config.core.http.idle_timeout,
            parse: ParseContext { time_zone: config.parse_time_zone()? },
            db: ctx.db,
            clock: ctx.clock,
            ids: ctx.ids,
            http: ctx.http,
            authn_urls,
            config,
            outbox,
            rules: Mutex::new(None),
        })
    }

    /// Whether every check passes for this user.
    pub fn is_root(&self, user_name: &str) -> bool {
        self.config.root_user_names.iter().any(|name| name == user_name)
    }
}
