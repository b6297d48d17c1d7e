//! The worked example of a service: things with names, and a list of the effects that events had here.
//!
//! It owns `thing`, `effect` and `reconcile`, emits `probe.thing.changed`, and consumes that event and the catalogue's
//! events. It asks nobody, so it does all it can do when ICAT is down. Read it in the order of a request: `routes`,
//! `domain`, `store`, `events`.

mod domain;
mod error;
mod events;
mod openapi;
mod routes;
mod state;
pub mod store;

use std::sync::Arc;

use ::events::Events;
use service_kit::{BuildError, Ctx, Migration, Running, ServiceDef};
use utoipa::OpenApi as _;

pub use self::events::{ICAT_CONSUMER, SESSIONS_CONSUMER, THINGS_CONSUMER, ThingChanged};
use self::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "probe",
    migrations: &[Migration { version: 1, name: "things", sql: include_str!("migrations/0001_things.sql") }],
    openapi: || openapi::Document::openapi(),
    build: |ctx| Box::pin(build(ctx)),
    // A real service has `default_toml`, `default_ports` and `check` of its own.
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let events = Events::of(&ctx).await?;
    events::consume(&events, &ctx);
    let state = Arc::new(State { db: ctx.db, clock: ctx.clock, outbox: events.outbox() });
    Ok(Running { mounts: vec![routes::mount(state)], workers: Vec::new() })
}
