//! Search in the catalogue by words, paths, parameters and facets.
//!
//! It answers the requests that an icat.server sends to icat.lucene 4.0, on the internal listener only, because this protocol
//! has no sessions.

pub mod analysis;
mod changes;
mod config;
pub mod domain;
mod error;
pub mod error_format;
pub mod index;
pub mod paths;
pub mod planner;
pub mod query_syntax;
pub mod results;
mod routes;
mod search_service;
mod state;
pub mod store;
pub mod units;

use std::sync::Arc;

use service_kit::{BuildError, Ctx, Migration, Running, ServiceDef, ServiceSettings};

use self::changes::{ChangeQueue, IndexWorker};
pub use self::config::Config;
use self::index::SharedSnapshot;
use self::paths::PathRules;
use self::search_service::SearchService;
use self::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "search",
    settings: ServiceSettings::from_defaults(include_str!("../config.default.toml")),
    default_ports: (8084, 9084),
    migrations: &[Migration { version: 1, name: "changes", sql: include_str!("../migrations/0001_changes.sql") }],
    check: |settings| Config::from_settings(settings).map(drop),
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::from_settings(&ctx.config)?;
    let directory = ctx.config.core.data_dir.join(&config.index_dir);
    let rules = PathRules::new(config.path_separators.iter().copied());
    let snapshot = SharedSnapshot::default();
    let changes = ChangeQueue::new(ctx.db.clone(), Arc::clone(&ctx.clock));
    let (queue, shared) = (changes.clone(), snapshot.clone());
    let worker = IndexWorker::new(&ctx, queue, shared, directory, rules.clone(), config.commit_interval);
    let searches = SearchService::new(&ctx, &config, snapshot, rules);
    let state = Arc::new(State { config, changes, searches });
    Ok(Running { mounts: routes::build_mounts(&state), workers: vec![worker.into_worker()] })
}
