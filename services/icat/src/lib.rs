//! The embedded catalogue: a replacement of icat.server 6.2 for facilities that do not run one.
//!
//! It owns all entities of the ICAT schema and the sessions, answers ICAT's REST interface under `/icat`, and asks
//! authenticator plugins to check logins. It accepts the tokens of auth where there is one, and depends on no other service.

pub mod authorization;
mod change_events;
mod config;
pub mod doctor;
mod domain;
pub mod error;

pub mod export;
pub mod grants;
pub mod import;
pub mod ingest;
mod mutations;
mod openapi;
mod parameter_types;
mod port;
pub mod query;
mod routes;
mod search;
mod sessions;
mod state;
pub mod store;
mod unkeyed_rows;
pub mod validation;

use std::sync::Arc;
use std::time::Duration;

use events::messages::auth::{SessionEnded, SessionsRevoked};
use events::{Consumer, Events, Outbox, Received};
use identity::IssuedCredentials;
use service_kit::{BuildError, Ctx, DbError, Migration, Running, ServiceDef, ServiceSettings, Tx, Worker};
use utoipa::OpenApi as _;

use self::config::SERVICE_NAME;
pub use self::config::{AuthorizationConfig, Config, Strictness};
use self::grants::GrantSynchronizer;
use self::query::ParseContext;
use self::state::State;
use self::store::datafile_counters;

/// How often rules are looked at for sets of granted rows to add or remove. Until then new rules are evaluated row by row.
const SYNCHRONIZE_INTERVAL: Duration = Duration::from_secs(2);
/// How often differences of counters are added up.
const FOLD_INTERVAL: Duration = Duration::from_secs(10);
/// How often expired sessions are removed.
const PURGE_INTERVAL: Duration = Duration::from_hours(1);

pub const SERVICE: ServiceDef = ServiceDef {
    name: SERVICE_NAME,
    settings: ServiceSettings::from_defaults(include_str!("../config.default.toml")),
    default_ports: (8082, 9082),
    migrations: &[
        Migration { version: 1, name: "entities", sql: include_str!("../migrations/0001_entities.sql") },
        Migration { version: 2, name: "sessions", sql: include_str!("../migrations/0002_sessions.sql") },
        Migration { version: 3, name: "indexes", sql: include_str!("../migrations/0003_indexes.sql") },
        Migration {
            version: 4,
            name: "session_created_at",
            sql: include_str!("../migrations/0004_session_created_at.sql"),
        },
        Migration { version: 5, name: "revocations", sql: include_str!("../migrations/0005_revocations.sql") },
        Migration { version: 6, name: "row_ids", sql: include_str!("../migrations/0006_row_ids.sql") },
        Migration { version: 7, name: "grants", sql: include_str!("../migrations/0007_grants.sql") },
        Migration {
            version: 8,
            name: "datafile_counters",
            sql: include_str!("../migrations/0008_datafile_counters.sql"),
        },
    ],
    check: |settings| Config::from_settings(settings).map(drop),
    openapi: openapi::Document::openapi,
    prepare_doctor: |ctx| Box::pin(doctor::share_stored_kinds(ctx)),
    doctor: |ctx| Box::pin(doctor::check_stored_rules(ctx)),
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::from_settings(&ctx.config)?;
    let (db, clock) = (ctx.db.clone(), Arc::clone(&ctx.clock));
    let purge = Worker::periodic("icat.purge-sessions", PURGE_INTERVAL, &ctx.stop, move || {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        async move { sessions::purge_expired(&db, clock.now_micros()).await.map(drop) }
    });
    let synchronizer =
        Arc::new(GrantSynchronizer::new(ctx.db.clone(), ParseContext { time_zone: config.parse_time_zone()? }));
    let grants = Worker::periodic("icat.synchronize-grants", SYNCHRONIZE_INTERVAL, &ctx.stop, move || {
        let synchronizer = Arc::clone(&synchronizer);
        async move { synchronizer.synchronize().await }
    });
    let db = ctx.db.clone();
    let counters = Worker::periodic("icat.fold-counters", FOLD_INTERVAL, &ctx.stop, move || {
        let db = db.clone();
        async move {
            while db.write(async |tx| datafile_counters::fold_differences(tx).await).await? {}
            Ok::<_, DbError>(())
        }
    });
    let events = Events::start(&ctx).await?;
    consume_ended_logins(&events, &events.outbox());
    let issued = IssuedCredentials::new(&ctx, &events)?;
    let state = Arc::new(State::new(ctx, config, events.outbox(), issued)?);
    Ok(Running { mounts: vec![routes::build_mount(state)], workers: vec![purge, grants, counters] })
}

/// What auth ends ends here too.
fn consume_ended_logins(events: &Events, outbox: &Outbox) {
    let own = outbox.clone();
    let end = async move |tx: &mut Tx, received: &Received<SessionEnded>| {
        Ok(sessions::end_stored_session(tx, &received.event.session_hash, &own).await.map(drop)?)
    };
    events.add_consumer(Consumer::new("icat-auth-session-ended", end));
    let own = outbox.clone();
    let revoke = async move |tx: &mut Tx, received: &Received<SessionsRevoked>| {
        Ok(sessions::revoke_sessions(tx, &received.event, &own).await?)
    };
    events.add_consumer(Consumer::new("icat-sessions-revoked", revoke));
}
