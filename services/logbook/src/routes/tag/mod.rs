//! `/logbook/{sessionId}/tag`

pub mod create;
pub mod list;
pub mod update;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::store::tags::Tag;

/// A tag as a client sends it.
#[derive(Debug, Clone, Deserialize)]
pub struct Sent {
    pub name: Option<String>,
    pub description: Option<String>,
    pub color: Option<String>,
}

/// In tags the investigation is text, in entries a number.
pub fn shown(tag: &Tag) -> Value {
    json!({
        "_id": tag.id,
        "name": tag.name,
        "description": tag.description,
        "color": tag.color,
        "beamlineName": tag.beamline,
        "investigationId": tag.investigation_id.map(|id| id.to_string()),
    })
}
