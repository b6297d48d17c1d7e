//! What the handlers of logins share.

use icat_client::IcatClient;
use service_kit::{Blocking, BuildError, Clock, Ctx, Db, Ids, Listener};
use std::sync::Arc;

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
    pub passwords: Blocking,
}

impl State {
    pub fn new(ctx: &Ctx, config: Config) -> Result<Self, BuildError> {
        let url = ctx.endpoints.resolve(&ctx.config.core.icat.url, Listener::Public);
        Ok(Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            icat: IcatClient::new(ctx.http.clone(), &url),
            tokens: Tokens::new(ctx, &config)?,
            config,
            passwords: ctx.pools.open("password", PASSWORD_THREADS, PASSWORD_QUEUE),
        })
    }
}
