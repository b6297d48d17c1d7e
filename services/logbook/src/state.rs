//! What the logbook's handlers share.

use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use identity::Identity;
use jiff::tz::TimeZone;
use service_kit::{Blocking, BuildError, Clock, Ctx, Db, Ids};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attachments::Store;
use crate::attachments::thumbnail::Thumbnails;
use crate::catalogue::investigation_assignment::Bindings;
use crate::config::Config;
use crate::history::signing_keys::Keys;
use crate::markup::text_pool::Rendering;
use crate::stream::Live;

const PRINTED_AT_ONCE: usize = 2;

pub struct State {
    pub db: Db,
    pub outbox: Outbox,
    pub identity: Identity,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub zone: TimeZone,
    /// The facility's name.
    pub site: String,
    pub config: Config,
    pub attachments: Store,
    pub thumbnails: Thumbnails,
    /// Where files for people are made, which takes time of a processor.
    pub documents: Blocking,
    /// Where texts are rendered and cleaned.
    pub rendering: Rendering,
    /// Where archives are read that are imported. Whoever reads one waits for what becomes of it, so that it must not have a
    /// place that is needed for that.
    pub imports: Blocking,
    /// A place for each part of a PDF that is being made, whose pictures are in memory.
    pub printing: Semaphore,
    pub bindings: Bindings,
    pub keys: Keys,
    pub live: Live,
    /// How long a body may be silent.
    pub idle_timeout: Duration,
    /// Answers without an end end when this is cancelled.
    pub closing: CancellationToken,
    /// What must end although its request does not wait any more; the stop waits for it.
    pub tasks: TaskTracker,
}

impl State {
    pub async fn new(ctx: &Ctx, config: Config, identity: Identity, outbox: Outbox) -> Result<Self, BuildError> {
        Ok(Self {
            db: ctx.db.clone(),
            outbox,
            identity,
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            zone: config.zone()?,
            site: ctx.config.core.site.clone(),
            thumbnails: Thumbnails::default(),
            documents: ctx.pools.open("logbook.documents", 2, 64),
            rendering: Rendering::open(&ctx.pools),
            imports: ctx.pools.open("logbook.imports", 2, 8),
            printing: Semaphore::new(PRINTED_AT_ONCE),
            attachments: Store::open(&config, &ctx.config.core.data_dir, &ctx.pools)?,
            bindings: Bindings::default(),
            keys: Keys::load(&ctx.db, &*ctx.ids, &config.signing_key_file).await?,
            live: Live::default(),
            idle_timeout: ctx.config.core.http.idle_timeout,
            closing: ctx.closing.clone(),
            tasks: ctx.tasks.clone(),
            config,
        })
    }
}
