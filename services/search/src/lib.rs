//! Search in the catalogue by words, paths, parameters and facets.
//!
//! It answers the requests that an icat.server sends to icat.lucene 4.0, on the internal listener only, because this protocol
//! has no sessions.

/// Texts as terms, and synonyms.
pub mod analysis;
mod config;
pub mod error_format;
/// Paths of datafiles and patterns of paths.
pub mod paths;
/// The query syntax of icat.lucene as a syntax tree.
pub mod query_syntax;
mod routes;
mod state;

use std::sync::Arc;

use service_kit::{BuildError, Ctx, Running, ServiceDef, ServiceSettings};

pub use self::config::Config;
use self::state::State;

pub const SERVICE: ServiceDef = ServiceDef {
    name: "search",
    settings: ServiceSettings::from_defaults(include_str!("../config.default.toml")),
    default_ports: (8084, 9084),
    check: |settings| Config::from_settings(settings).map(drop),
    build: |ctx| Box::pin(build(ctx)),
    ..ServiceDef::EMPTY
};

async fn build(ctx: Ctx) -> Result<Running, BuildError> {
    let config = Config::from_settings(&ctx.config)?;
    let state = Arc::new(State { config });
    Ok(Running { mounts: routes::build_mounts(&state), workers: Vec::new() })
}
