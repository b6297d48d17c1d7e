//! The worked example of a service: things with names, and a list of the effects that events had here.
//!
//! It owns `thing`, `effect` and `reconcile`, emits `probe.thing.changed`, and consumes that event and the catalogue's
//! events. When ICAT is down it knows the callers whose credentials need no question to ICAT, and reads go on. Read it in the
//! order of a request: `routes`, `domain`, `store`, `events`.

mod config;
mod domain;
mod error;
mod events;
mod messages;
mod openapi;
mod routes;
mod state;
pub mod store;

use std::sync::Arc;

use ::events::Events;
use identity::Identity;
use service_kit::{BuildError, Ctx, Migration, Running, ServiceDef, ServiceSettings};
use utoipa::OpenApi as _;

use self::config::Config;
pub use self::events::{ICAT_CONSUMER, SESSIONS_CONSUMER, THINGS_CONSUMER};
pub use self::messages::ThingChanged;
use self::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "probe",
    settings: ServiceSettings::from_defaults(include_str!("config.default.toml")),
    // A real service has ports of its own.
    default_ports: (0, 0),
    migrations: &[Migration { version: 1, name: "things", sql: include_str!("migrations/0001_things.sql") }],
    check: |settings| Config::from_settings(settings).map(drop),
    openapi: || openapi::Document::openapi(),
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::from_settings(&ctx.config)?;
    let events = Events::start(&ctx).await?;
    let identity = Identity::new(&ctx, &events)?;
    events::start_consumers(&events, &ctx);
    let state = Arc::new(State { config, db: ctx.db, clock: ctx.clock, outbox: events.outbox() });
    Ok(Running { mounts: vec![routes::build_mount(state, &identity)], workers: Vec::new() })
}
