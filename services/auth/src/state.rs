//! What the handlers of logins share.

use std::sync::Arc;

use events::Outbox;
use icat_client::IcatClient;
use service_kit::{Blocking, BuildError, Clock, Ctx, Db, Ids, Listener};

use crate::config::Config;
use crate::tokens::Tokens;

/// Hashing is slow on purpose: so many run at once, so many more may wait.
const PASSWORD_THREADS: usize = 2;
const PASSWORD_QUEUE: usize = 64;

pub struct State {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub icat: IcatClient,
    pub tokens: Tokens,
    pub config: Config,
    /// Full user names that portals show as administrators.
    pub administrators: Vec<String>,
    /// Tells others whose session began or ended.
    pub outbox: Outbox,
    pub passwords: Blocking,
}

impl State {
    pub fn new(ctx: &Ctx, config: Config, outbox: Outbox) -> Result<Self, BuildError> {
        let url = ctx.endpoints.resolve(&ctx.config.core.icat.url, Listener::Public);
        Ok(Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            icat: IcatClient::new(ctx.http.clone(), &url),
            tokens: Tokens::new(ctx, &config)?,
            config,
            administrators: ctx.config.core.identity.administrators.clone(),
            outbox,
            passwords: ctx.pools.open("password", PASSWORD_THREADS, PASSWORD_QUEUE),
        })
    }
}
