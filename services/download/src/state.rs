//! What the handlers of downloads share.

use std::sync::Arc;

use events::Events;
use icat_client::client::ReaderAccount;
use identity::Identity;
use service_kit::{BuildError, Clock, Ctx, Problem};
use tokio::sync::Notify;

use crate::config::Config;
use crate::deleted_datafiles::DeletedDatafilesCheck;
use crate::error;
use crate::manifest::Manifests;
use crate::orphaned_files::OrphanedFiles;
use crate::prepared_selections::PreparedSelections;
use crate::signed_url::SignedUrls;
use crate::storage::Storage;
use crate::transfer::Transfers;
use crate::transfer::reports::{ReportInbox, TransferReports};
use crate::uploads::Uploads;

pub struct State {
    pub config: Config,
    /// Verifies callers; has the client of ICAT too.
    pub identity: Identity,
    /// Asks the catalogue for what no caller needs to see.
    pub reader: Option<ReaderAccount>,
    pub clock: Arc<dyn Clock>,
    storage: Option<Storage>,
    pub manifests: Arc<Manifests>,
    pub prepared_selections: PreparedSelections,
    pub deleted_datafiles: DeletedDatafilesCheck,
    pub orphaned_files: Arc<OrphanedFiles>,
    pub transfers: Arc<Transfers>,
    pub signed_urls: SignedUrls,
    pub uploads: Uploads,
    /// Wakes the worker that computes checksums.
    pub checksums_wanted: Arc<Notify>,
    /// The address of ICAT, for clients.
    pub icat_url: String,
}

impl State {
    pub async fn new(
        ctx: &Ctx,
        config: Config,
        identity: Identity,
        events: &Events,
    ) -> Result<(Self, ReportInbox), BuildError> {
        let core = &ctx.config.core;
        let storage = match core.storage.get(&config.storage) {
            Some(settings) => Some(Storage::open(&config.storage, settings, &ctx.config, &ctx.pools).await?),
            None => None,
        };
        let (reports, inbox) = TransferReports::new();
        let reader = ReaderAccount::from_setting(core.icat.reader.expose(), identity.icat().clone())?;
        let (manifests, checksums_wanted) = (Arc::new(Manifests::new(ctx, &config)), Arc::new(Notify::new()));
        let orphaned_files = Arc::new(OrphanedFiles::new(ctx, &config, storage.clone(), reader.clone()));
        let wanted = || Arc::clone(&checksums_wanted);
        let state = Self {
            prepared_selections: PreparedSelections::new(
                ctx,
                &config,
                events.outbox(),
                Arc::clone(&manifests),
                wanted(),
            ),
            deleted_datafiles: DeletedDatafilesCheck::new(reader.clone(), Arc::clone(&ctx.clock)),
            uploads: Uploads::new(ctx, &config, identity.icat().clone(), storage.clone(), Arc::clone(&orphaned_files)),
            orphaned_files,
            transfers: Arc::new(Transfers::new(ctx, &config, Arc::clone(&manifests), reports, wanted())),
            signed_urls: SignedUrls::new(ctx),
            reader,
            identity,
            clock: Arc::clone(&ctx.clock),
            storage,
            manifests,
            checksums_wanted,
            icat_url: ctx.endpoints.resolve_url(&core.icat.url, service_kit::Listener::Public),
            config,
        };
        Ok((state, inbox))
    }

    pub fn storage(&self) -> Result<&Storage, Problem> {
        self.storage.as_ref().ok_or_else(error::no_storage)
    }

    /// Whether uploads and deletions are refused; true without a storage.
    pub fn is_read_only(&self) -> bool {
        self.storage.as_ref().is_none_or(|storage| storage.read_only)
    }
}
