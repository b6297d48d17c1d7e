//! `/logbook/{sessionId}/tag`

pub mod create;
pub mod list;
pub mod update;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::tags::Tag;

/// A tag as a client sends it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct NewTag {
    /// Needed for a new one; without it a tag that is changed keeps its name.
    pub name: Option<String>,
    pub description: Option<String>,
    pub color: Option<String>,
}

/// A tag as clients read it. The investigation is text, in entries it is a number.
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
