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
mod state;
pub mod store;
mod stream;
mod web;

use std::sync::Arc;

use events::Events;
use events::messages::logbook::EntryChanged;
use identity::Identity;
use service_kit::openapi::StartLink;
use service_kit::{BuildError, Ctx, Migration, Running, ServiceDef, ServiceSettings};
use utoipa::OpenApi as _;

pub use self::config::Config;
pub use self::history::verify;
use crate::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "logbook",
    settings: ServiceSettings {
        defaults: include_str!("../config.default.toml"),
        secrets: &["logbook.s3_secret_access_key"],
    },
    default_ports: (8085, 9085),
    migrations: &[Migration { version: 1, name: "logbook", sql: include_str!("../migrations/0001_logbook.sql") }],
    check: |settings| Config::read(settings).map(drop),
    openapi: || api::document::Document::openapi(),
    scopes: &[catalogue::permissions::READ, catalogue::permissions::WRITE],
    private_paths: Config::private_paths,
    pages: &[StartLink { path: "/logbook/app", text: "Logbook" }],
    doctor: |ctx| Box::pin(attachments::doctor::examine(ctx)),
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::read(&ctx.config)?;
    let events = Events::start(&ctx).await?;
    let identity = Identity::new(&ctx, &events)?;
    let state = Arc::new(State::new(&ctx, config, identity, events.outbox()).await?);
    notifications::follow(&state, &events)?;
    let (wake, missed) = (Arc::clone(&state.live.wake), Arc::clone(&state.live.wake));
    events.add_listener("logbook.live-records", move |_: EntryChanged| wake.notify_one(), move || missed.notify_one());
    let workers = vec![
        entries::assign_worker::worker(&ctx, &state),
        history::close_worker::worker(&ctx, &state),
        stream::send_worker::worker(&ctx, &state),
        attachments::cleanup::worker(&ctx, &state),
    ];
    Ok(Running { mounts: api::mounts(&state), workers })
}
