//! What the handlers of downloads share.

use std::sync::Arc;

use identity::Identity;
use service_kit::{BuildError, Clock, Ctx};

use crate::config::Config;
use crate::storage::Storage;

pub struct State {
    /// Who is calling; holds the way to ICAT too.
    pub identity: Identity,
    pub clock: Arc<dyn Clock>,
    /// `None` until a storage is configured; downloads then say so.
    pub storage: Option<Storage>,
}

impl State {
    pub fn new(ctx: &Ctx, config: &Config, identity: Identity) -> Result<Self, BuildError> {
        let core = &ctx.config.core;
        let storage = match core.storage.get(&config.storage) {
            Some(settings) => Some(Storage::open(&config.storage, settings, &ctx.pools)?),
            None => None,
        };
        Ok(Self { identity, clock: Arc::clone(&ctx.clock), storage })
    }
}
