//! `/logbook/{sessionId}/tag`

pub mod create;
pub mod list;
pub mod update;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::tags::Tag;

/// A tag in a request.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct NewTag {
    /// Required for a new tag; without it, an existing tag keeps its name.
    pub name: Option<String>,
    pub description: Option<String>,
    pub color: Option<String>,
}

/// A tag in a response. The id of the investigation is a text here, and a number in entries.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tag)]
pub struct TagBody {
    #[serde(rename = "_id")]
    id: String,
    name: String,
    #[schema(required)]
    description: Option<String>,
    #[schema(required)]
    color: Option<String>,
    #[schema(required)]
    beamline_name: Option<String>,
    #[schema(required)]
    investigation_id: Option<String>,
}

impl From<Tag> for TagBody {
    fn from(tag: Tag) -> Self {
        Self {
            id: tag.id,
            name: tag.name,
            description: tag.description,
            color: tag.color,
            beamline_name: tag.beamline,
            investigation_id: tag.investigation_id.map(|id| id.to_string()),
        }
    }
}
