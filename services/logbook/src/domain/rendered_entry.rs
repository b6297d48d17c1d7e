//! An entry as clients read it: the Event of ICAT+ 5.7, with all its keys in their order.

use serde::Serialize;
use serde_json::Value;
use service_kit::Micros;
use utoipa::ToSchema;

use crate::domain::dates;
use crate::domain::entry::Entry;
use crate::domain::entry_content::{EntryContent, TextPart};
use crate::domain::entry_kind::{Category, EntryType};
use crate::domain::entry_request::TagName;

/// One form of the text.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EntryContent)]
pub struct RenderedPart {
    /// `plainText` or `html`; other formats are stored unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl From<TextPart> for RenderedPart {
    fn from(TextPart { format, text }: TextPart) -> Self {
        Self { format, text }
    }
}

/// An entry; it always has all keys.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Entry)]
pub struct RenderedEntry {
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
    pub kind: EntryType,
    pub tag: Vec<TagName>,
    #[schema(required)]
    pub title: Option<String>,
    pub category: Category,
    #[schema(required)]
    pub filepath: Option<String>,
    #[schema(required)]
    pub filename: Option<String>,
    #[schema(required)]
    pub file_size: Option<i64>,
    #[schema(required)]
    pub username: Option<String>,
    pub content: Vec<RenderedPart>,
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
    /// The previous version, in the same form.
    #[schema(required, value_type = Option<RenderedEntry>, no_recursion)]
    pub previous_version_event: Value,
    #[schema(required)]
    pub full_name: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    pub removed: bool,
    /// Only in responses to programs, and only if the entry was not assigned as requested: the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub warning: Option<String>,
}

/// What an entry shows besides its content.
#[derive(Debug, Clone, Copy)]
pub struct EntryMeta<'a> {
    pub id: &'a str,
    pub created_at: Micros,
    pub updated_at: Micros,
    pub removed: bool,
}

impl<'a> EntryMeta<'a> {
    pub fn from_entry(entry: &'a Entry) -> Self {
        let Entry { id, created_at, updated_at, removed, .. } = entry;
        Self { id, created_at: *created_at, updated_at: *updated_at, removed: *removed }
    }
}

impl RenderedEntry {
    /// `previous` is the version before, in the same form; it is moved, because it holds all versions before it.
    pub fn from_content(content: EntryContent, entry: &EntryMeta<'_>, previous: Value) -> Self {
        Self {
            id: entry.id.to_owned(),
            investigation_id: content.investigation_id,
            investigation_name: content.investigation_name,
            instrument_name: content.instrument_name,
            dataset_id: content.dataset_id,
            dataset_name: content.dataset_name,
            kind: content.kind,
            tag: content.tags.into_iter().map(|name| TagName { name }).collect(),
            title: content.title,
            category: content.category,
            filepath: content.filepath,
            filename: content.filename,
            file_size: content.file_size,
            username: content.username,
            content: content.parts.into_iter().map(RenderedPart::from).collect(),
            software: content.software,
            machine: content.machine,
            source: content.source,
            creation_date: dates::render_time(content.at),
            content_type: content.content_type,
            file: content.files,
            previous_version_event: previous,
            full_name: content.full_name,
            created_at: dates::render_time(entry.created_at),
            updated_at: dates::render_time(entry.updated_at),
            removed: entry.removed,
            warning: None,
        }
    }
}
