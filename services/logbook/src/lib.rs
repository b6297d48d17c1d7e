//! The electronic logbook of investigations, instruments and the facility, in the interface of ICAT+ 5.7.
//!
//! It owns entries, their history (a chain of records per logbook), tags, attachments, and what portals keep besides
//! (banners, preferences). It tells of every record. Rights are asked of ICAT; when ICAT is down, programs still write, and
//! their entries are bound to investigations later.

mod api;
mod attachments;
mod catalogue;
mod config;
mod domain;
mod entries;
mod error;
mod export;
mod history;
mod http;
mod import;
mod markup;
mod notifications;
mod portal;
mod state;
pub mod store;
mod stream;
mod web;

use std::iter;
use std::sync::Arc;

use events::Events;
use events::messages::logbook::EntryChanged;
use icat_client::CatalogueChanges;
use identity::Identity;
use service_kit::openapi::StartLink;
use service_kit::{
    BuildError, Config as Settings, ConfigError, Ctx, DoctorCtx, Finding, Migration, Running, ServiceDef,
    ServiceSettings, Worker,
};
use tokio::sync::Notify;
use utoipa::OpenApi as _;

pub use self::config::Config;
pub use self::history::verify;
use crate::attachments::cleanup::CleanupWorker;
use crate::attachments::doctor::examine_storage;
use crate::entries::assign_worker::AssignWorker;
use crate::history::close_worker::CloseWorker;
use crate::state::State;
use crate::stream::send_worker;

/// What visits are read from.
const VISIT_ENTITIES: [&str; 3] = ["Investigation", "InvestigationInstrument", "Instrument"];

pub const SERVICE: ServiceDef = ServiceDef {
    name: "logbook",
    settings: ServiceSettings {
        defaults: include_str!("../config.default.toml"),
        secrets: &["logbook.s3_secret_access_key"],
    },
    default_ports: (8085, 9085),
    migrations: &[Migration { version: 1, name: "logbook", sql: include_str!("../migrations/0001_logbook.sql") }],
    check: |settings| read_config(settings).map(drop),
    openapi: || api::document::Document::openapi(),
    scopes: &[catalogue::permissions::READ, catalogue::permissions::WRITE],
    private_paths: Config::private_paths,
    pages: &[StartLink { path: "/logbook/app", text: "Logbook" }],
    doctor: |ctx| Box::pin(examine(ctx)),
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = read_config(&ctx.config)?;
    let events = Events::start(&ctx).await?;
    let identity = Identity::new(&ctx, &events)?;
    let state = State::new(&ctx, &config, identity, events.outbox()).await?;
    notifications::follow_rules(&config.notifications, &state.entries, &events)?;
    let (wake, missed) = (Arc::clone(&state.wake), Arc::clone(&state.wake));
    events.add_listener(
        "logbook.stream-records",
        move |_: EntryChanged| wake.notify_one(),
        move || missed.notify_one(),
    );
    let assign_wake = Arc::new(Notify::new());
    listen_for_catalogue_changes(&CatalogueChanges::start(&ctx, &events)?, &state, &assign_wake);
    let workers = create_workers(&ctx, &state, assign_wake);
    // The page before the routes that take anything for a session.
    let mounts = iter::once(web::create_mount(&state)).chain(api::create_mounts(&state)).collect();
    Ok(Running { mounts, workers })
}

/// Entries that wait for an investigation are assigned as soon as the catalogue has it.
fn listen_for_catalogue_changes(changes: &CatalogueChanges<'_>, state: &State, assign_wake: &Arc<Notify>) {
    let (visits, instruments) = (Arc::clone(&state.catalogue.visits), Arc::clone(&state.catalogue.instruments));
    let assign_wake = Arc::clone(assign_wake);
    let forget = Arc::new(move || {
        visits.clear_cache();
        instruments.clear_cache();
        assign_wake.notify_one();
    });
    let missed = Arc::clone(&forget);
    changes.add_listener("logbook.catalogue-changed", &VISIT_ENTITIES, move |_| forget(), move || missed());
}

async fn examine(ctx: DoctorCtx) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Settings that cannot be read are said elsewhere.
    if let Ok(config) = Config::read(&ctx.config) {
        let directory = config.attachments_path(&ctx.config.core.data_dir);
        findings.extend(examine_storage(&directory, config.s3_settings().as_ref()).await);
    }
    findings.extend(identity::check_reader_account(ctx).await);
    findings
}

fn read_config(settings: &Settings) -> Result<Config, ConfigError> {
    let config = Config::read(settings)?;
    notifications::check_rules(&config.notifications)?;
    Ok(config)
}

fn create_workers(ctx: &Ctx, state: &State, assign_wake: Arc<Notify>) -> Vec<Worker> {
    let assign = AssignWorker {
        db: ctx.db.clone(),
        lookup: state.catalogue.lookup.clone(),
        visits: Arc::clone(&state.catalogue.visits),
        assignment: Arc::clone(&state.catalogue.assignment),
        entries: Arc::clone(&state.entries),
    };
    let close = CloseWorker {
        db: ctx.db.clone(),
        clock: Arc::clone(&ctx.clock),
        leases: ctx.leases.clone(),
        history: state.history.clone(),
        signing_key: Arc::clone(&state.signing_key),
        lookup: state.catalogue.lookup.clone(),
        visits: Arc::clone(&state.catalogue.visits),
    };
    let cleanup = CleanupWorker {
        db: ctx.db.clone(),
        clock: Arc::clone(&ctx.clock),
        leases: ctx.leases.clone(),
        storage: state.files.storage.clone(),
    };
    vec![
        assign.into_worker(ctx, assign_wake),
        close.into_worker(ctx),
        send_worker::create_worker(ctx, &state.streams),
        cleanup.into_worker(ctx),
    ]
}
