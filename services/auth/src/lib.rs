//! Logins: local accounts, the authenticator plugins that ICAT asks, ICAT+'s session interface, the interface of
//! scigateway-auth, and access tokens.
//!
//! It owns the local accounts, the keys that sign tokens, the logins with their refresh tokens, the API keys of programs, the
//! notices of maintenance that portals show, and the audit log. Sessions belong to ICAT: a login goes to ICAT, which calls the plugin of its
//! mechanism, so that an icat.server and the embedded catalogue work in the same way. While ICAT is down, logins and
//! refreshes answer 503, and existing tokens can still be resolved.

mod account_links;
pub mod accounts;
mod administration;
mod administrators;
mod anonymous_sessions;
mod api_keys;
mod assertions;
mod audit;
mod authenticator_names;
mod authn_plugins;
mod browser_cookie;
mod compat;
mod config;
mod directories;
mod doctor;
pub mod domain;
mod error;
pub mod error_format;
mod group_memberships;
mod icat_sessions;
mod identity_providers;
mod key_rotation;
mod keys;
mod login_administration;
mod login_flow;
mod login_levels;
mod login_metrics;
mod login_origins;
mod login_recorder;
mod login_throttle;
mod logins;
mod logout;
mod maintenance;
mod openapi;
mod page_visitors;
mod provider_logins;
mod provider_logouts;
mod provider_users;
mod providers;
mod request_origin;
mod revocations;
mod routes;
mod scigateway_tokens;
mod secret_file;
mod state;
pub mod store;
mod token_issuers;
mod tokens;
mod web;

use std::sync::Arc;
use std::time::Duration;

use events::messages::icat::SessionEnded;
use events::{Consumer, Events, Outbox, Received};
use identity::RequiredLevels;
use service_kit::{
    BuildError, Config as Settings, ConfigError, Ctx, Db, Migration, PrivatePath, Running, ServiceDef, ServiceSettings,
    Sources, Tx, Worker, open_database,
};
use utoipa::OpenApi as _;

pub use self::account_links::LinkError;
pub use self::accounts::{Account, AccountError, AccountName, Accounts, ImportedPassword};
pub use self::administration::{Administration, AdministrationError};
pub use self::api_keys::{ApiKeyError, ApiKeys, CreatedApiKey, KeyAdministrator};
pub use self::config::Config;
use self::config::SERVICE_NAME;
pub use self::key_rotation::KeyRotationError;
pub use self::keys::{Rotation, Urgency};
use self::state::State;
pub use self::store::account_links::AccountLinkRow;
pub use self::store::logins::LoginRow;

/// How often old logins and entries of the audit log are deleted.
const EXPIRY_INTERVAL: Duration = Duration::from_hours(1);
/// Ended logins are kept for so long, so that a copy of one of their refresh tokens is still recognised.
const KEEP_ENDED_LOGINS: Duration = Duration::from_hours(24);

pub const SERVICE: ServiceDef = ServiceDef {
    name: SERVICE_NAME,
    settings: ServiceSettings { defaults: include_str!("../config.default.toml"), secrets: &["auth.groups_account"] },
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
        Migration { version: 5, name: "logins", sql: include_str!("../migrations/0005_logins.sql") },
        Migration { version: 6, name: "maintenance", sql: include_str!("../migrations/0006_maintenance.sql") },
        Migration { version: 7, name: "ended_sessions", sql: include_str!("../migrations/0007_ended_sessions.sql") },
        Migration { version: 8, name: "provider_logins", sql: include_str!("../migrations/0008_provider_logins.sql") },
        Migration { version: 9, name: "api_keys", sql: include_str!("../migrations/0009_api_keys.sql") },
        Migration { version: 10, name: "account_links", sql: include_str!("../migrations/0010_account_links.sql") },
        Migration {
            version: 11,
            name: "provider_logouts",
            sql: include_str!("../migrations/0011_provider_logouts.sql"),
        },
    ],
    check: |settings| load_config(settings).map(drop),
    openapi: || openapi::Document::openapi(),
    private_paths: |settings| {
        let config = Config::from_settings(settings)?;
        Ok(vec![
            PrivatePath::new("auth.keys_dir", config.keys_dir),
            PrivatePath::new("auth.scigateway_key", config.scigateway_key),
        ])
    },
    build: |ctx| Box::pin(build(ctx)),
    doctor: |ctx| Box::pin(doctor::examine(ctx)),
    ..ServiceDef::EMPTY
};

/// Opens the accounts of the database in the settings, which is migrated if they allow it.
pub async fn open_accounts(settings: &Settings, sources: &Sources) -> Result<Accounts, AccountError> {
    let (config, db) = open_site_database(settings, sources).await?;
    Ok(Accounts::new(db, sources, &config))
}

/// Opens the administration of the database in the settings, which is migrated if they allow it.
pub async fn open_administration(
    settings: &Settings,
    sources: &Sources,
) -> Result<Administration, AdministrationError> {
    let (config, db) = open_site_database(settings, sources).await?;
    Ok(Administration::new(db, sources, config, &settings.core.identity.list_administrator_users()))
}

/// Opens the API keys of the database in the settings, which is migrated if they allow it.
pub async fn open_api_keys(settings: &Settings, sources: &Sources) -> Result<ApiKeys, ApiKeyError> {
    let (config, db) = open_site_database(settings, sources).await?;
    let outbox = Outbox::new(SERVICE_NAME, Arc::clone(&sources.clock), Arc::clone(&sources.ids));
    Ok(ApiKeys::new(db, sources, outbox, config.api_key_max_lifetime))
}

/// Takes the next step of the rotation of the signing keys: a key is created, or, a day later, begins to sign. The database is
/// that of the settings, which has the audit log.
pub async fn rotate_keys(
    settings: &Settings,
    sources: &Sources,
    urgency: Urgency,
) -> Result<Rotation, KeyRotationError> {
    let (config, db) = open_site_database(settings, sources).await?;
    let rotation = key_rotation::rotate_site_keys(&db, settings, &config, sources, urgency).await;
    db.close().await;
    rotation
}

async fn open_site_database(settings: &Settings, sources: &Sources) -> Result<(Config, Db), BuildError> {
    let config = Config::from_settings(settings)?;
    Ok((config, open_database(&SERVICE, settings, &*sources.clock).await?))
}

fn load_config(settings: &Settings) -> Result<Config, ConfigError> {
    let config = Config::from_settings(settings)?;
    authn_plugins::check_mechanisms(&config)?;
    RequiredLevels::check_settings(&settings.core)?;
    Ok(config)
}

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = load_config(&ctx.config)?;
    let events = Events::start(&ctx).await?;
    let audit_retention = config.audit_retention;
    let state = Arc::new(State::new(&ctx, config, events.outbox())?);
    end_logins_with_sessions(&events, &state);
    state.administrators.listen_for_changed_groups(&ctx, &events)?;
    let mut mounts = routes::build_mounts(&state);
    mounts.push(web::build_mount(&state));
    mounts.extend(compat::scigateway::build_mounts(&state));
    mounts.extend(authn_plugins::build_mounts(&state));
    Ok(Running { mounts, workers: vec![build_login_expiry_worker(&ctx), build_audit_worker(&ctx, audit_retention)] })
}

/// Logins end with the sessions that the embedded catalogue says have ended.
fn end_logins_with_sessions(events: &Events, state: &State) {
    let logins = Arc::clone(&state.logins);
    let end = async move |tx: &mut Tx, received: &Received<SessionEnded>| {
        Ok(logins.end_logins_with_session(tx, &received.event.session_hash).await?)
    };
    events.add_consumer(Consumer::new("auth-icat-session-ended", end));
}

fn build_login_expiry_worker(ctx: &Ctx) -> Worker {
    let (db, clock) = (ctx.db.clone(), Arc::clone(&ctx.clock));
    Worker::periodic("auth.login_expiry", EXPIRY_INTERVAL, &ctx.stop, move || {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        async move {
            let now = clock.now_micros();
            logins::delete_old_logins(&db, now - KEEP_ENDED_LOGINS).await?;
            provider_logins::delete_old_rows(&db, now).await
        }
    })
}

fn build_audit_worker(ctx: &Ctx, retention: Duration) -> Worker {
    let (db, clock) = (ctx.db.clone(), Arc::clone(&ctx.clock));
    Worker::periodic("auth.audit_retention", EXPIRY_INTERVAL, &ctx.stop, move || {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        async move { audit::delete_old_entries(&db, &*clock, retention).await.map(drop) }
    })
}
