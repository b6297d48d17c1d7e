//! An entry as its template shows it.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde::Serialize;
use service_kit::fulltext::{ExcerptPart, FulltextQuery};

use crate::attachments::{is_shown_converted, is_shown_inline};
use crate::domain::entry::Entry;
use crate::domain::entry_content::EntryContent;
use crate::domain::entry_kind::{Category, EntryType};
use crate::domain::{dates, entry_html};
use crate::markup::markdown::render_plain;
use crate::store::attachments::Attachment;
use crate::web::logbook_path::logbook_address;

#[derive(Debug, Clone, Serialize)]
pub struct EntryView {
    pub id: String,
    /// RFC 3339.
    pub at: String,
    /// In the facility's zone.
    pub day: String,
    /// As people read it: `Monday, 12 January 2026`.
    pub date: String,
    pub time: String,
    pub author: Option<String>,
    pub kind: EntryType,
    pub category: Category,
    /// The kind of entry in one word.
    pub label: String,
    pub title: Option<String>,
    pub tags: Vec<String>,
    /// Sanitized HTML.
    pub html: Option<String>,
    /// Plain text as sanitized HTML, if the entry has no HTML.
    pub plain_html: Option<String>,
    pub files: Vec<FileView>,
    pub version: i64,
    /// The entity tag; none of an earlier version.
    pub entity_tag: Option<String>,
    /// Of an earlier version: until when it was shown, as people read it.
    pub until: Option<String>,
    pub removed: bool,
    /// Where it is, if not in the logbook that is shown.
    pub book: Option<String>,
    pub book_address: String,
    pub excerpts: Vec<Vec<ExcerptPiece>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FileView {
    pub id: String,
    pub name: String,
    pub is_image: bool,
}

/// A piece of what was found.
#[derive(Debug, Clone, Serialize)]
pub struct ExcerptPiece {
    pub text: String,
    pub hit: bool,
}

impl From<ExcerptPart> for ExcerptPiece {
    fn from(ExcerptPart { text, hit }: ExcerptPart) -> Self {
        Self { text, hit }
    }
}

impl From<EntryView> for minijinja::Value {
    fn from(view: EntryView) -> Self {
        minijinja::value::Serde(view).into()
    }
}

/// The same, short.
pub const DAY: &str = "%-d %b %Y";
/// A day as people read it.
pub const DATE: &str = "%A, %-d %B %Y";

/// Bytes around what was found.
const EXCERPT_BYTES: usize = 200;

impl EntryView {
    /// `logbook` is the name of the logbook it lies in; `files` are the attachments of all entries that are shown.
    pub fn from_entry(
        entry: &Entry,
        logbook: &str,
        files: &HashMap<String, Attachment>,
        zone: &TimeZone,
    ) -> Result<Self, serde_json::Error> {
        let entity_tag = Some(entry.etag()?);
        Ok(Self {
            version: entry.version,
            entity_tag,
            removed: entry.removed,
            ..Self::from_content(&entry.id, &entry.content, logbook, files, zone)
        })
    }

    /// Of a version, which may be an earlier one.
    pub fn from_content(
        id: &str,
        content: &EntryContent,
        logbook: &str,
        files: &HashMap<String, Attachment>,
        zone: &TimeZone,
    ) -> Self {
        let local = zone.to_datetime(content.at.to_timestamp());
        let html = content.html().map(entry_html::sanitize_html);
        let named = html.as_deref().map(entry_html::list_attachment_ids).unwrap_or_default();
        let address = |id: &String| (id.clone(), format!("/logbook/app/file/{id}"));
        let addresses: HashMap<String, String> = named.iter().map(address).collect();
        let html = html
            .map(|html| entry_html::replace_attachment_addresses(&html, addresses))
            .filter(|html| !html.trim().is_empty());
        let others = content.files.iter().filter(|id| !named.contains(id)).filter_map(|id| files.get(id));
        Self {
            id: id.to_owned(),
            at: dates::render_time(content.at),
            day: local.date().to_string(),
            date: local.strftime(DATE).to_string(),
            time: local.strftime("%H:%M:%S").to_string(),
            author: content.full_name.clone().or_else(|| content.username.clone()).or_else(|| content.machine.clone()),
            kind: content.kind,
            category: content.category,
            label: describe_kind(content.kind, content.category).to_owned(),
            title: content.title.clone(),
            tags: content.tags.clone(),
            plain_html: if html.is_some() {
                None
            } else {
                content.plain_text().map(|signed_text| entry_html::sanitize_html(&render_plain(&signed_text)))
            },
            html,
            files: others.map(FileView::from_attachment).collect(),
            version: 1,
            entity_tag: None,
            until: None,
            removed: false,
            book: None,
            book_address: logbook_address(logbook),
            excerpts: Vec::new(),
        }
    }

    /// With excerpts of what was found.
    pub fn with_excerpts(mut self, words: &FulltextQuery, content: &EntryContent) -> Self {
        let texts = content.readable_texts();
        let found =
            texts.iter().map(|text| words.extract_excerpt(text, EXCERPT_BYTES)).filter(|pieces| !pieces.is_empty());
        self.excerpts = found.take(2).map(|pieces| pieces.into_iter().map(ExcerptPiece::from).collect()).collect();
        // The excerpts replace the text; the entry itself is one click away.
        if !self.excerpts.is_empty() {
            (self.html, self.plain_html, self.title) = (None, None, None);
        }
        self
    }
}

impl FileView {
    fn from_attachment(attachment: &Attachment) -> Self {
        Self {
            id: attachment.id.clone(),
            name: attachment.filename.clone(),
            is_image: is_shown_inline(&attachment.media_type) || is_shown_converted(&attachment.media_type),
        }
    }
}

fn describe_kind(kind: EntryType, category: Category) -> &'static str {
    match (kind, category) {
        (EntryType::Attachment, _) => "file",
        (EntryType::Broadcast, _) => "machine",
        (_, Category::Commandline) => "command",
        (_, category) => category.name(),
    }
}
