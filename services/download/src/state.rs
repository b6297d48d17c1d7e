//! What the handlers of downloads share.

use std::sync::Arc;
use std::time::Duration;

use events::{Events, Outbox};
use icat_client::client::ReaderAccount;
use identity::Identity;
use service_kit::{Blocking, BuildError, Clock, Ctx, Db, Ids, Problem};
use tokio::sync::Notify;

use crate::config::Config;
use crate::error;
use crate::manifest::Manifests;
use crate::signing::Signer;
use crate::storage::Storage;
use crate::transfer::reports::{Inbox, Reports};

/// Compression takes a processor for as long as a client takes bytes.
const COMPRESSION_THREADS: usize = 4;
const COMPRESSION_QUEUE: usize = 32;

pub struct State {
    pub config: Config,
    pub db: Db,
    pub outbox: Outbox,
    /// Who is calling; holds the way to ICAT too.
    pub identity: Identity,
    /// For questions about what no caller need be able to see.
    pub reader: Option<ReaderAccount>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    storage: Option<Storage>,
    pub compression: Blocking,
    pub manifests: Manifests,
    pub signer: Signer,
    pub reports: Reports,
    /// Wakes the worker that reads files for their checksums.
    pub hashing: Arc<Notify>,
    /// The address of ICAT, for clients.
    pub icat_url: String,
    /// How long the next piece of an upload may take.
    pub idle_timeout: Duration,
    /// Where users reach this service; empty: as the request says.
    pub public_url: String,
}

impl State {
    pub async fn new(
        ctx: &Ctx,
        config: Config,
        identity: Identity,
        events: &Events,
    ) -> Result<(Self, Inbox), BuildError> {
        let core = &ctx.config.core;
        let storage = match core.storage.get(&config.storage) {
            Some(settings) => Some(Storage::open(&config.storage, settings, &ctx.config, &ctx.pools).await?),
            None => None,
        };
        let (reports, inbox) = Reports::new();
        let state = Self {
            db: ctx.db.clone(),
            outbox: events.outbox(),
            reader: ReaderAccount::from_setting(&core.icat.reader, identity.icat().clone())?,
            identity,
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            storage,
            compression: ctx.pools.open("compression", COMPRESSION_THREADS, COMPRESSION_QUEUE),
            manifests: Manifests::new(config.manifest_memory.as_u64()),
            signer: Signer::default(),
            reports,
            hashing: Arc::default(),
            icat_url: ctx.endpoints.resolve_url(&core.icat.url, service_kit::Listener::Public),
            public_url: core.public_url.trim_end_matches('/').to_owned(),
            idle_timeout: core.http.idle_timeout,
            config,
        };
        Ok((state, inbox))
    }

    pub fn storage(&self) -> Result<&Storage, Problem> {
        self.storage.as_ref().ok_or_else(error::no_storage)
    }

    /// Whether nothing may be stored or deleted; so it is without a storage.
    pub fn is_read_only(&self) -> bool {
        self.storage.as_ref().is_none_or(|storage| storage.read_only)
    }
}
