//! What most components own.

use std::sync::Arc;

use jiff::tz::TimeZone;
use service_kit::{Blocking, BuildError, Clock, Ctx, Db, Ids};
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::markup::text_pool::TextPool;

pub struct Tools {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub tasks: TaskTracker,
    pub zone: TimeZone,
    pub site: String,
    /// Where files for people are made, which takes processor time.
    pub documents: Blocking,
    pub text_pool: TextPool,
}

impl Tools {
    pub fn new(ctx: &Ctx, config: &Config) -> Result<Self, BuildError> {
        Ok(Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            tasks: ctx.tasks.clone(),
            zone: config.zone()?,
            site: ctx.config.core.site.clone(),
            documents: ctx.pools.open("logbook.documents", 2, 64),
            text_pool: TextPool::open(&ctx.pools),
        })
    }
}
