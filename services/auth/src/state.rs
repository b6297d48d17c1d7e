//! What the handlers of logins share.

use icat_client::IcatClient;
use service_kit::{Blocking, Clock, Ctx, Db, Listener};
use std::sync::Arc;

use crate::config::Config;

/// Hashing is slow on purpose: so many run at once, so many more may wait.
const PASSWORD_THREADS: usize = 2;
const PASSWORD_QUEUE: usize = 64;

pub struct State {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub icat: IcatClient,
    pub config: Config,
    pub passwords: Blocking,
}

impl State {
    pub fn new(ctx: &Ctx, config: Config) -> Self {
        let url = ctx.endpoints.resolve(&ctx.config.core.icat.url, Listener::Public);
        Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            icat: IcatClient::new(ctx.http.clone(), &url),
            config,
            passwords: ctx.pools.open("password", PASSWORD_THREADS, PASSWORD_QUEUE),
        }
    }
}
