//! What goes in and comes out. Handlers write most of it as JSON by hand, because its keys are a contract.

#![expect(dead_code, reason = "shapes that handlers write by hand")]

use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::event::parsed;
use crate::error::Error;

/// A file as a `data:` URL.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FromBase64 {
    /// `data:<type>;base64,<content>`
    pub base64: Option<String>,
    pub dataset_id: Option<i64>,
    pub machine: Option<String>,
    pub software: Option<String>,
    pub tag: Option<Vec<TagName>>,
    /// Separated by commas.
    pub usernames: Option<String>,
}

impl FromBase64 {
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        parsed(body, "the body cannot be read")
    }
}

#[derive(Deserialize, ToSchema)]
pub struct TagName {
    pub name: String,
}

/// An entry. Answers have all keys.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// 24 hexadecimal digits.
    #[serde(rename = "_id")]
    id: Option<String>,
    investigation_id: Option<i64>,
    investigation_name: Option<String>,
    instrument_name: Option<String>,
    dataset_id: Option<i64>,
    dataset_name: Option<String>,
    #[serde(rename = "type")]
    kind: EntryType,
    tag: Option<Vec<TagName>>,
    title: Option<String>,
    category: Category,
    filepath: Option<String>,
    filename: Option<String>,
    file_size: Option<i64>,
    username: Option<String>,
    content: Option<Vec<EntryContent>>,
    software: Option<String>,
    machine: Option<String>,
    source: Option<String>,
    #[schema(format = DateTime)]
    creation_date: Option<String>,
    content_type: Option<String>,
    /// Ids of attachments.
    file: Option<Vec<String>>,
    /// The version before, in the same form.
    previous_version_event: Option<serde_json::Value>,
    full_name: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    removed: Option<bool>,
    /// Only in answers to programs, and only where there is something to say: a name or id that the catalogue does not have.
    #[schema(nullable = false)]
    warning: Option<String>,
}

pub type Entries = Vec<Entry>;

/// What a search found.
#[derive(ToSchema)]
pub struct Found {
    hits: Vec<Hit>,
    /// For the next part; null at the end.
    next: Option<String>,
    /// False if the caller may read more logbooks than were looked through.
    complete: bool,
}

#[derive(ToSchema)]
struct Hit {
    /// `investigation/4711`, `instrument/bl07` or `facility`.
    book: String,
    event: Entry,
    /// Texts of the entry with what was found in them.
    excerpts: Vec<Vec<ExcerptPiece>>,
}

#[derive(ToSchema)]
struct ExcerptPiece {
    text: String,
    /// Whether it is what was asked for.
    hit: bool,
}

#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
enum EntryType {
    Annotation,
    Notification,
    Broadcast,
    Attachment,
}

/// In requests in either case.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
enum Category {
    Comment,
    Info,
    Error,
    Debug,
    Commandline,
    File,
}

#[derive(ToSchema)]
struct EntryContent {
    /// `plainText` or `html`.
    format: Option<String>,
    text: Option<String>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    #[serde(rename = "_id")]
    id: Option<String>,
    name: String,
    description: Option<String>,
    color: Option<String>,
    beamline_name: Option<String>,
    investigation_id: Option<String>,
}

#[derive(ToSchema)]
pub struct Meta {
    page: Option<PageOf>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct PageOf {
    total: i64,
    total_pages: i64,
    current_page: i64,
}

#[derive(ToSchema)]
pub struct DayCount {
    /// A day.
    #[serde(rename = "_id")]
    id: String,
    count: i64,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvestigationCount {
    investigation_id: String,
    name: Option<String>,
    title: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
    count: i64,
    annotations: i64,
    notifications: i64,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    n: i64,
    n_modified: i64,
    ok: i64,
}

#[derive(ToSchema)]
pub struct Filled {
    count: i64,
    missing: i64,
    updated: i64,
}

#[derive(ToSchema)]
pub struct Message {
    #[serde(rename = "_id")]
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    message: Option<String>,
}

#[derive(ToSchema)]
pub struct Imported {
    created: i64,
    present: i64,
}

#[derive(ToSchema)]
pub struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// Whatever a portal keeps, besides the user's name.
#[derive(ToSchema)]
pub struct Preferences {
    username: String,
}

#[derive(ToSchema)]
pub struct UploadForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Binary(Vec<u8>);
