//! Downloads: single files with ranges and validators, several as one ZIP, in the interface of ids.server 2.1.
//!
//! It owns nothing but the way to the bytes: what a caller may have is asked of ICAT with the caller's own session, and
//! files are read beneath the storage's root only. When ICAT is down, downloads answer 503.

mod archive;
mod config;
mod domain;
mod error;
mod openapi;
mod routes;
mod selection;
mod state;
mod storage;

use std::sync::Arc;

use events::Events;
use identity::Identity;
use service_kit::{BuildError, Ctx, Running, ServiceDef};
use utoipa::OpenApi as _;

pub use self::config::Config;
use self::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "download",
    default_toml: include_str!("../config.default.toml"),
    default_ports: (8083, 9083),
    migrations: &[],
    check: |settings| Config::read(settings).map(drop),
    openapi: || openapi::Document::openapi(),
    build: |ctx| Box::pin(build(ctx)),
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::read(&ctx.config)?;
    let identity = Identity::of(&ctx, &Events::of(&ctx).await?)?;
    let state = Arc::new(State::new(&ctx, &config, identity)?);
    Ok(Running { mounts: vec![routes::mount(state)], workers: Vec::new() })
}
