//! What the handlers of downloads share.

use std::sync::Arc;

use icat_client::IcatClient;
use service_kit::{BuildError, Clock, Ctx, Listener};

use crate::config::Config;
use crate::storage::Storage;

pub struct State {
    pub icat: IcatClient,
    pub clock: Arc<dyn Clock>,
    /// `None` until a storage is configured; downloads then say so.
    pub storage: Option<Storage>,
}

impl State {
    pub fn new(ctx: &Ctx, config: &Config) -> Result<Self, BuildError> {
        let core = &ctx.config.core;
        let url = ctx.endpoints.resolve(&core.icat.url, Listener::Public);
        let storage = match core.storage.get(&config.storage) {
            Some(settings) => Some(Storage::open(&config.storage, settings, &ctx.pools)?),
            None => None,
        };
        Ok(Self { icat: IcatClient::new(ctx.http.clone(), &url), clock: Arc::clone(&ctx.clock), storage })
    }
}
