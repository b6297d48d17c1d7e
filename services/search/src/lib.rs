//! Search in the catalogue by words, paths, parameters and facets.
//!
//! It answers the requests that an icat.server sends to icat.lucene 4.0, on the internal listener only, because this protocol
//! has no sessions. It owns the index in `search.index_dir` and the changes that are not in it yet (`change_batch`), and emits
//! `icat.entity.changed` for what the icat.server reports. It calls no other service.

mod changes;
mod config;
pub mod domain;
mod error;
pub mod error_format;
pub mod index;
pub mod planner;
pub mod results;
mod routes;
mod search_service;
mod state;
pub mod store;

use std::sync::Arc;

use events::Events;
use service_kit::{BuildError, Ctx, Migration, PrivatePath, Running, ServiceDef, ServiceSettings};

use self::changes::{ChangeMetrics, ChangeQueue, IndexWorker};
pub use self::config::Config;
use self::domain::paths::PathRules;
use self::index::SharedSnapshot;
use self::search_service::SearchService;
use self::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "search",
    settings: ServiceSettings::from_defaults(include_str!("../config.default.toml")),
    default_ports: (8084, 9084),
    migrations: &[Migration { version: 1, name: "changes", sql: include_str!("../migrations/0001_changes.sql") }],
    check: |settings| Config::from_settings(settings)?.read_synonyms().map(drop),
    private_paths: |settings| {
        let directory = Config::from_settings(settings)?.index_directory(&settings.core.data_dir);
        Ok(vec![PrivatePath::new("search.index_dir", directory)])
    },
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::from_settings(&ctx.config)?;
    let directory = config.index_directory(&ctx.config.core.data_dir);
    let rules = PathRules::new(config.path_separators.iter().copied());
    let snapshot = SharedSnapshot::default();
    let events = Events::start(&ctx).await?;
    let metrics = ChangeMetrics::register(&ctx.process);
    let process = ctx.ids.random_uuid().to_string();
    let changes = ChangeQueue::new(ctx.db.clone(), Arc::clone(&ctx.clock), events.outbox(), metrics, process);
    let (queue, shared) = (changes.clone(), snapshot.clone());
    let worker = IndexWorker::new(&ctx, queue, shared, directory, rules.clone(), config.commit_interval);
    let searches = SearchService::new(&ctx, &config, snapshot, rules)?;
    let state = Arc::new(State { config, changes, searches });
    Ok(Running { mounts: routes::build_mounts(&state), workers: vec![worker.into_worker()] })
}
