//! What the catalogue's handlers share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use identity::IssuedCredentials;
use service_kit::{Clock, ConfigError, Ctx, Db};
use tokio::sync::Semaphore;

use crate::authorization::RuleCache;
use crate::config::Config;
use crate::port::PortImporter;
use crate::query::ParseContext;
use crate::search::QuerySettings;
use crate::sessions::{Authenticators, Sessions};

/// Of the ten database connections that a catalogue has by default.
const CONCURRENT_EXPORTS: usize = 2;

/// The components of the catalogue, built once per process.
pub struct State {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub config: Config,
    /// Publishes changes of entities.
    pub outbox: Outbox,
    pub authenticators: Arc<Authenticators>,
    pub sessions: Sessions,
    pub rules: Arc<RuleCache>,
    pub queries: Arc<QuerySettings>,
    pub port_importer: PortImporter,
    /// An export holds a database connection for as long as its client reads, so only a few run at once.
    pub export_slots: Arc<Semaphore>,
    /// Where an upload is stored until it is complete.
    pub data_dir: PathBuf,
    /// How long an upload may send nothing.
    pub idle_timeout: Duration,
}

impl State {
    pub fn new(ctx: Ctx, config: Config, outbox: Outbox, issued: IssuedCredentials) -> Result<Self, ConfigError> {
        let parse = ParseContext { time_zone: config.parse_time_zone()? };
        let authenticators = Arc::new(Authenticators::new(&config, &ctx.endpoints, ctx.http));
        let queries = Arc::new(QuerySettings::new(&config, parse.clone(), Arc::clone(&ctx.clock)));
        let rules = Arc::new(RuleCache::new(config.root_user_names.clone(), config.authorization, parse));
        let sessions = Sessions {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            ids: ctx.ids,
            outbox: outbox.clone(),
            authenticators: Arc::clone(&authenticators),
            issued,
            lifetime: Duration::from_mins(u64::from(config.lifetime_minutes)),
        };
        let port_importer = PortImporter {
            db: ctx.db.clone(),
            outbox: outbox.clone(),
            rules: Arc::clone(&rules),
            queries: Arc::clone(&queries),
        };
        Ok(Self {
            export_slots: Arc::new(Semaphore::new(CONCURRENT_EXPORTS)),
            data_dir: ctx.config.core.data_dir.clone(),
            idle_timeout: ctx.config.core.http.idle_timeout,
            db: ctx.db,
            clock: ctx.clock,
            config,
            outbox,
            authenticators,
            sessions,
            rules,
            queries,
            port_importer,
        })
    }
}
