//! Logins: local accounts, the authenticator plugins that ICAT asks, and ICAT+'s session interface.
//!
//! It owns the accounts. Sessions are ICAT's: a login goes to ICAT, which asks the plugin of its mechanism, so that a
//! real icat.server and the embedded catalogue are served alike. When ICAT is down, logins answer 503.

pub mod accounts;
mod compat;
mod config;
mod error;
mod routes;
mod state;
mod store;

use std::sync::Arc;

use service_kit::{BuildError, Ctx, Migration, Running, ServiceDef};

pub use self::accounts::AccountName;
pub use self::config::Config;
use self::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "auth",
    default_toml: include_str!("../config.default.toml"),
    default_ports: (8081, 9081),
    migrations: &[Migration { version: 1, name: "accounts", sql: include_str!("../migrations/0001_accounts.sql") }],
    check: |settings| Config::read(settings).map(drop),
    openapi: service_kit::openapi::none,
    build: |ctx| Box::pin(std::future::ready(build(&ctx))),
};

fn build(ctx: &Ctx) -> Result<Running, BuildError> {
    let config = Config::read(&ctx.config)?;
    let mechanisms = config.local_mechanisms.clone();
    let state = Arc::new(State::new(ctx, config));
    let mut mounts = vec![routes::mount(Arc::clone(&state)), compat::anonymous()];
    mounts.extend(mechanisms.iter().map(|mechanism| compat::local(&state, mechanism)));
    Ok(Running { mounts, workers: Vec::new() })
}
