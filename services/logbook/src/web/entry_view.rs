//! An entry as its template shows it.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use service_kit::DbError;
use service_kit::fulltext::{ExcerptPart, FulltextQuery};

use crate::attachments::{is_shown_converted, is_shown_inline};
use crate::domain::entry_content::Event;
use crate::domain::{dates, entry_html};
use crate::markup::markdown::render_plain;
use crate::store::attachments::Attachment;
use crate::store::entries::Entry;
use crate::web::logbook_path::address_of;

#[derive(Debug, Clone, Serialize)]
pub struct View {
    pub id: String,
    /// RFC 3339.
    pub at: String,
    /// In the facility's zone.
    pub day: String,
    /// As people read it: `Monday, 12 January 2026`.
    pub date: String,
    pub time: String,
    pub author: Option<String>,
    pub kind: String,
    pub category: String,
    /// What it is in a word.
    pub label_token: String,
    pub title: Option<String>,
    pub tags: Vec<String>,
    /// Harmless HTML.
    pub html: Option<String>,
    /// Plain text as harmless HTML, where there is nothing else.
    pub plain_html: Option<String>,
    pub files: Vec<File>,
    pub version: i64,
    /// The entity tag; none of an earlier version.
    pub entity_tag: Option<String>,
    /// Of an earlier version: until when it was shown, as people read it.
    pub until: Option<String>,
    pub removed: bool,
    /// Where it is, if not in the logbook that is shown.
    pub book: Option<String>,
    pub book_address: String,
    pub excerpts: Vec<Vec<Shown>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct File {
    pub id: String,
    pub name: String,
    pub is_image: bool,
}

/// A piece of what was found.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    pub text: String,
    pub hit: bool,
}

impl From<ExcerptPart> for Shown {
    fn from(ExcerptPart { text, hit }: ExcerptPart) -> Self {
        Self { text, hit }
    }
}

impl From<View> for minijinja::Value {
    fn from(view: View) -> Self {
        minijinja::value::Serde(view).into()
    }
}

/// The same, short.
pub const DAY: &str = "%-d %b %Y";
/// A day as people read it.
pub const DATE: &str = "%A, %-d %B %Y";

/// Bytes around what was found.
const EXCERPT: usize = 200;

impl View {
    /// `book` is the name of the logbook it lies in; `files` are the attachments of all entries that are shown.
    pub fn of(
        entry: &Entry,
        book: &str,
        files: &HashMap<String, Attachment>,
        zone: &TimeZone,
    ) -> Result<Self, DbError> {
        let entity_tag = Some(entry.entity_tag()?);
        Ok(Self {
            version: entry.version,
            entity_tag,
            removed: entry.removed,
            ..Self::of_event(&entry.id, &entry.event, book, files, zone)
        })
    }

    /// Of a version, which may be an earlier one.
    pub fn of_event(id: &str, event: &Event, book: &str, files: &HashMap<String, Attachment>, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(Timestamp::from_microsecond(event.at).unwrap_or_default());
        let html = event.html().map(entry_html::sanitised);
        let named = html.as_deref().map(entry_html::attachments).unwrap_or_default();
        let address = |id: &String| (id.clone(), format!("/logbook/app/file/{id}"));
        let addresses: HashMap<String, String> = named.iter().map(address).collect();
        let html = html.map(|html| entry_html::with_addresses(&html, addresses)).filter(|html| !html.trim().is_empty());
        let others = event.files.iter().filter(|id| !named.contains(id)).filter_map(|id| files.get(id));
        Self {
            id: id.to_owned(),
            at: dates::shown(event.at),
            day: local.date().to_string(),
            date: local.strftime(DATE).to_string(),
            time: local.strftime("%H:%M:%S").to_string(),
            author: event.full_name.clone().or_else(|| event.username.clone()).or_else(|| event.machine.clone()),
            kind: event.kind.clone(),
            category: event.category.clone(),
            label_token: label_token(&event.kind, &event.category).to_owned(),
            title: event.title.clone(),
            tags: event.tags.clone(),
            plain_html: if html.is_some() {
                None
            } else {
                event.plain().map(|text| entry_html::sanitised(&render_plain(&text)))
            },
            html,
            files: others.map(File::of).collect(),
            version: 1,
            entity_tag: None,
            until: None,
            removed: false,
            book: None,
            book_address: address_of(book),
            excerpts: Vec::new(),
        }
    }

    /// With what was found in it.
    pub fn found(mut self, asked: &FulltextQuery, event: &Event) -> Self {
        let texts = event.readable_texts();
        let found = texts.iter().map(|text| asked.extract_excerpt(text, EXCERPT)).filter(|pieces| !pieces.is_empty());
        self.excerpts = found.take(2).map(|pieces| pieces.into_iter().map(Shown::from).collect()).collect();
        // Nothing is said twice; the entry itself is one click away.
        if !self.excerpts.is_empty() {
            (self.html, self.plain_html, self.title) = (None, None, None);
        }
        self
    }
}

impl File {
    fn of(attachment: &Attachment) -> Self {
        Self {
            id: attachment.id.clone(),
            name: attachment.filename.clone(),
            is_image: is_shown_inline(&attachment.media_type) || is_shown_converted(&attachment.media_type),
        }
    }
}

fn label_token<'t>(kind: &'t str, category: &'t str) -> &'t str {
    match (kind, category) {
        ("annotation", "comment") => "comment",
        ("attachment", _) => "file",
        ("broadcast", _) => "machine",
        (_, "commandline") => "command",
        (_, category) => category,
    }
}
