//! Downloads and uploads in the interface of ids.server 2.1, over a directory of files without an archive behind it.
//!
//! It owns lists of files as they were when somebody asked for them ([`manifest`]), from which the bytes of every archive
//! follow: lengths are known before the first byte, and a range costs what it covers, in any replica. What a caller may
//! have is asked of ICAT with the caller's own session; files are opened beneath the storage's root and nowhere else, and
//! never below `data_dir`. A file that changes cuts the transfers that read it.
//!
//! It emits `download.selection.prepared` with a prepared selection and `download.transfer.finished` when an answer with
//! data has ended, and consumes the ends of sessions. When ICAT is down, everything by ids answers 503; prepared
//! selections go on, unless a reader account is to say whether their datafiles still exist.

mod archive;
mod claims;
mod config;
mod domain;
mod error;
mod manifest;
mod openapi;
mod parameters;
mod prepared;
mod present;
mod routes;
mod selection;
mod session;
mod signing;
mod state;
mod storage;
#[doc(hidden)]
pub mod store;
mod transfer;
mod workers;

use std::sync::Arc;

use events::Events;
use identity::Identity;
use service_kit::{BuildError, Ctx, Migration, Running, ServiceDef};
use utoipa::OpenApi as _;

pub use self::config::Config;
use self::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "download",
    default_toml: include_str!("../config.default.toml"),
    default_ports: (8083, 9083),
    migrations: &[
        Migration { version: 1, name: "selections", sql: include_str!("../migrations/0001_selections.sql") },
        Migration { version: 2, name: "missing files", sql: include_str!("../migrations/0002_missing_files.sql") },
    ],
    check: |settings| Config::read(settings).map(drop),
    openapi: || openapi::Document::openapi(),
    scopes: &["read"],
    doctor: |ctx| Box::pin(identity::check_reader_account(ctx)),
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::read(&ctx.config)?;
    let events = Events::start(&ctx).await?;
    let identity = Identity::new(&ctx, &events)?;
    let (state, inbox) = State::new(&ctx, config, identity, &events).await?;
    let state = Arc::new(state);
    let workers = workers::all(&ctx, &state, &inbox);
    Ok(Running { mounts: vec![routes::mount(state)], workers })
}
