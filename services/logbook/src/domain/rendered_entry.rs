//! An entry as clients read it: the Event of ICAT+ 5.7, with all its keys in their order.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::dates;
use crate::domain::entry_content::{Category, Content, EntryType, Event, TagName};

/// One form of what is written.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EntryContent {
    /// `plainText` or `html`; others are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl From<Content> for EntryContent {
    fn from(Content { format, text }: Content) -> Self {
        Self { format, text }
    }
}

/// An entry; all keys are there.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Entry)]
pub struct EntryBody {
    /// 24 hexadecimal digits.
    #[serde(rename = "_id")]
    pub id: String,
    #[schema(required)]
    pub investigation_id: Option<i64>,
    #[schema(required)]
    pub investigation_name: Option<String>,
    #[schema(required)]
    pub instrument_name: Option<String>,
    #[schema(required)]
    pub dataset_id: Option<i64>,
    #[schema(required)]
    pub dataset_name: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = EntryType)]
    pub kind: String,
    pub tag: Vec<TagName>,
    #[schema(required)]
    pub title: Option<String>,
    #[schema(value_type = Category)]
    pub category: String,
    #[schema(required)]
    pub filepath: Option<String>,
    #[schema(required)]
    pub filename: Option<String>,
    #[schema(required)]
    pub file_size: Option<i64>,
    #[schema(required)]
    pub username: Option<String>,
    pub content: Vec<EntryContent>,
    #[schema(required)]
    pub software: Option<String>,
    #[schema(required)]
    pub machine: Option<String>,
    #[schema(required)]
    pub source: Option<String>,
    #[schema(format = DateTime)]
    pub creation_date: String,
    #[schema(required)]
    pub content_type: Option<String>,
    /// Ids of attachments.
    pub file: Vec<String>,
    /// The version before, in the same form.
    #[schema(required, value_type = Option<EntryBody>, no_recursion)]
    pub previous_version_event: Value,
    #[schema(required)]
    pub full_name: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    pub removed: bool,
    /// Only in answers to programs, and only where there is something to say: a name or id that the catalogue does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub warning: Option<String>,
}

/// What an entry shows besides its event.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub id: &'a str,
    pub created_at: i64,
    pub updated_at: i64,
    pub removed: bool,
}

impl EntryBody {
    /// `previous` is the version before, in the same form; it is moved, because it holds all versions before it.
    pub fn from_event(event: Event, entry: &Shown<'_>, previous: Value) -> Self {
        Self {
            id: entry.id.to_owned(),
            investigation_id: event.investigation_id,
            investigation_name: event.investigation_name,
            instrument_name: event.instrument_name,
            dataset_id: event.dataset_id,
            dataset_name: event.dataset_name,
            kind: event.kind,
            tag: event.tags.into_iter().map(|name| TagName { name }).collect(),
            title: event.title,
            category: event.category,
            filepath: event.filepath,
            filename: event.filename,
            file_size: event.file_size,
            username: event.username,
            content: event.content.into_iter().map(EntryContent::from).collect(),
            software: event.software,
            machine: event.machine,
            source: event.source,
            creation_date: dates::shown(event.at),
            content_type: event.content_type,
            file: event.files,
            previous_version_event: previous,
            full_name: event.full_name,
            created_at: dates::shown(entry.created_at),
            updated_at: dates::shown(entry.updated_at),
            removed: entry.removed,
            warning: None,
        }
    }
}
