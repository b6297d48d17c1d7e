//! `/probe/things`: one file per verb.

pub mod create;
pub mod get;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::probe::store::things::Thing;

/// A thing as callers see it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Thing)]
pub struct ThingView {
    pub id: i64,
    pub name: String,
    /// Rises with every change.
    pub rev: i64,
    /// Whether its own event has come back.
    pub seen: bool,
}

impl From<Thing> for ThingView {
    fn from(thing: Thing) -> Self {
        Self { id: thing.id, name: thing.name, rev: thing.rev, seen: thing.seen_at.is_some() }
    }
}
