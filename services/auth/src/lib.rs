//! Logins: local accounts, the authenticator plugins that ICAT asks, ICAT+'s session interface, and access tokens.
//!
//! It owns the accounts, the keys that sign tokens, and what leads from a token to its ICAT session. Sessions are ICAT's:
//! a login goes to ICAT, which asks the plugin of its mechanism, so that a real icat.server and the embedded catalogue
//! are served alike. When ICAT is down, logins answer 503; tokens that were given out are still resolved.

pub mod accounts;
mod compat;
mod config;
mod doctor;
mod error;
pub mod error_format;
mod handle;
mod keys;
mod observation;
mod openapi;
mod routes;
mod sessions;
mod state;
pub mod store;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use events::Events;
use service_kit::{BuildError, Ctx, Migration, PrivatePath, Running, ServiceDef, ServiceSettings, Worker};
use utoipa::OpenApi as _;

pub use self::accounts::{Account, AccountError, AccountName, Accounts};
pub use self::config::Config;
use self::state::State;
use self::store::token_sessions;

/// How often the sessions of tokens that have expired are removed.
const PURGE_INTERVAL: Duration = Duration::from_hours(1);

pub const SERVICE: ServiceDef = ServiceDef {
    name: "auth",
    settings: ServiceSettings::from_defaults(include_str!("../config.default.toml")),
    default_ports: (8081, 9081),
    migrations: &[
        Migration { version: 1, name: "accounts", sql: include_str!("../migrations/0001_accounts.sql") },
        Migration { version: 2, name: "token_sessions", sql: include_str!("../migrations/0002_token_sessions.sql") },
        Migration { version: 3, name: "account_lock", sql: include_str!("../migrations/0003_account_lock.sql") },
        Migration {
            version: 4,
            name: "token_session_user",
            sql: include_str!("../migrations/0004_token_session_user.sql"),
        },
    ],
    check: |settings| Config::read(settings).map(drop),
    openapi: || openapi::Document::openapi(),
    private_paths: |settings| Ok(vec![PrivatePath::new("auth.keys_dir", Config::read(settings)?.keys_dir)]),
    build: |ctx| Box::pin(build(ctx)),
    doctor: |ctx| Box::pin(doctor::check_reader_password(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::read(&ctx.config)?;
    let mechanisms = config.local_mechanisms.clone();
    let events = Events::start(&ctx).await?;
    let state = Arc::new(State::new(&ctx, config, events.outbox())?);
    let mut mounts = routes::mounts(&state);
    mounts.push(compat::anonymous());
    mounts.extend(mechanisms.iter().map(|mechanism| compat::local(&state, mechanism)));
    Ok(Running { mounts, workers: vec![purge(&ctx)] })
}

fn purge(ctx: &Ctx) -> Worker {
    let (db, clock) = (ctx.db.clone(), Arc::clone(&ctx.clock));
    Worker::periodic("auth.purge-token-sessions", PURGE_INTERVAL, &ctx.stop, move || {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        async move { db.write(async |tx| token_sessions::purge(tx, clock.now_micros()).await).await.map(drop) }
    })
}
