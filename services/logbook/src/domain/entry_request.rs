//! An entry as clients send it: the Event of ICAT+ 5.7.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::entry_content::TextPart;
use crate::domain::entry_kind::{Category, EntryType};

/// A tag within an entry; clients may send more than the name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TagName {
    pub name: String,
}

/// An entry in a request. Unknown keys are ignored.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewEntry)]
pub struct EntryRequest {
    /// The id of the entry to change.
    #[serde(rename = "_id")]
    pub id: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = EntryType)]
    pub kind: Option<String>,
    #[schema(value_type = Category)]
    pub category: Option<String>,
    pub content: Option<Vec<TextPart>>,
    pub tag: Option<Vec<TagName>>,
    pub title: Option<String>,
    /// The default is the current time.
    #[schema(format = DateTime)]
    pub creation_date: Option<String>,
    pub dataset_id: Option<i64>,
    pub dataset_name: Option<String>,
    pub investigation_name: Option<String>,
    pub instrument_name: Option<String>,
    pub username: Option<String>,
    pub full_name: Option<String>,
    pub software: Option<String>,
    pub machine: Option<String>,
    pub source: Option<String>,
    pub filename: Option<String>,
    pub filepath: Option<String>,
}
