//! Downloads and uploads in the interface of ids.server 2.1, over a directory of files without an archive behind it.
//!
//! It owns manifests ([`manifest`]): lists of files as they were when a selection was requested. The bytes of every
//! archive follow from its manifest, so lengths are known before the first byte, and every replica answers ranges at the
//! cost of their bytes. ICAT decides with the session of the caller what may be downloaded. Files are opened only beneath
//! the root of the storage, and never below `data_dir`. When a file changes, transfers that read it are aborted.
//!
//! It emits `download.selection.prepared` when a selection is prepared and `download.transfer.finished` when a transfer
//! ends, and consumes the ends of sessions. While ICAT is down, requests by ids answer 503; prepared selections can still be
//! downloaded, unless a reader account has to check whether their datafiles exist.

mod config;
mod deleted_datafiles;
mod domain;
mod error;
pub mod error_format;
mod manifest;
mod openapi;
mod orphaned_files;
mod prepared_selections;
mod routes;
mod selection;
mod signed_url;
mod state;
mod storage;
#[doc(hidden)]
pub mod store;
mod transfer;
mod uploads;
mod workers;

use std::sync::Arc;

use events::Events;
use identity::Identity;
use service_kit::{BuildError, Ctx, Migration, Running, ServiceDef, ServiceSettings, Worker};
use utoipa::OpenApi as _;

pub use self::config::Config;
use self::state::State;
use self::transfer::reports::ReportInbox;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "download",
    settings: ServiceSettings::from_defaults(include_str!("../config.default.toml")),
    default_ports: (8083, 9083),
    migrations: &[
        Migration { version: 1, name: "selections", sql: include_str!("../migrations/0001_selections.sql") },
        Migration { version: 2, name: "missing files", sql: include_str!("../migrations/0002_missing_files.sql") },
    ],
    check: |settings| Config::from_settings(settings).map(drop),
    openapi: || openapi::Document::openapi(),
    scopes: &["read"],
    doctor: |ctx| Box::pin(identity::check_reader_account(ctx)),
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::from_settings(&ctx.config)?;
    let events = Events::start(&ctx).await?;
    let identity = Identity::new(&ctx, &events)?;
    let (state, inbox) = State::new(&ctx, config, identity, &events).await?;
    let workers = build_workers(&ctx, &events, &state, inbox);
    Ok(Running { mounts: vec![routes::build_mount(Arc::new(state))], workers })
}

fn build_workers(ctx: &Ctx, events: &Events, state: &State, inbox: ReportInbox) -> Vec<Worker> {
    let manifests = || Arc::clone(&state.manifests);
    let (transfers, checksums_wanted) = (Arc::clone(&state.transfers), Arc::clone(&state.checksums_wanted));
    let storage = state.storage().ok().cloned();
    vec![
        workers::reports::build_worker(ctx, events.outbox(), manifests(), inbox),
        workers::checksums::build_worker(ctx, storage, manifests(), transfers, checksums_wanted),
        workers::orphaned_files::build_worker(ctx, Arc::clone(&state.orphaned_files)),
        workers::expiry::build_worker(ctx),
    ]
}
