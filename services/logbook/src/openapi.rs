//! The `OpenAPI` document: the operations stand at their handlers, what several of them share stands here.

#![expect(dead_code, reason = "shapes that handlers write as JSON by hand, because their keys are a contract")]

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, ToSchema};

use crate::domain::event::parsed;
use crate::error::Error;
use crate::routes::{event, keys, portal, program, records, resource, stats, tag};

/// `services/logbook/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: logbook",
        description = "The electronic logbook in the interface of ICAT+ 5.7.\n\nSuccess is always 200. Failures are plain \
            text. The session id or API key stands in the path, or as `Authorization: Bearer`, or in `X-Api-Key`; what then \
            stands in the path does not count. Every address answers OPTIONS with `Allow`, every GET also as HEAD; a method \
            that is not listed answers 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        event::list::get,
        keys::get,
        records::get,
        event::create::post,
        event::update::put,
        event::count::get,
        event::dates::get,
        event::page::get,
        event::remove::put,
        event::restore::put,
        event::retag::patch,
        event::search::get,
        event::stream::get,
        event::create_from_base64::post,
        tag::list::get,
        tag::create::post,
        tag::update::put,
        stats::count::get,
        stats::investigation::get,
        resource::datafile::get,
        program::event::post,
        program::event_from_base64::post,
        program::notification::post,
        program::base64::post,
        program::relocate::post,
        resource::upload::post,
        resource::download::get,
        portal::instrument_name::put,
        portal::messages::get,
        portal::set_message::put,
        portal::get_preferences::get,
        portal::set_preferences::put,
    ),
    modifiers(&Bearer),
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A session id, an access token or an API key, in place of the one in the path"))
            .build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    #[param(nullable = false)]
    investigation_id: Option<String>,
    #[param(nullable = false)]
    instrument_name: Option<String>,
    /// `_id`, `creationDate`, `createdAt` or `updatedAt`.
    #[param(nullable = false)]
    sort_by: Option<String>,
    /// `1` ascending, `-1` descending.
    #[param(nullable = false)]
    sort_order: Option<String>,
    #[param(nullable = false)]
    skip: Option<String>,
    #[param(nullable = false)]
    limit: Option<String>,
    /// Such as `annotation-comment,notification-error,broadcast`.
    #[param(nullable = false)]
    types: Option<String>,
    /// Leaves out what belongs to an investigation.
    #[param(nullable = false)]
    filter_investigation: Option<bool>,
    /// A part of the text, without case and accents.
    #[param(nullable = false)]
    search: Option<String>,
    /// `json`, or for a file `csv`, `txt` or `jsonl`.
    #[param(nullable = false)]
    format: Option<String>,
    /// A day, `2025-03-02`.
    #[param(nullable = false)]
    date: Option<String>,
    /// Names; all must be there.
    #[param(nullable = false)]
    tags: Option<String>,
    /// Names; any must be there.
    #[param(nullable = false)]
    or_tags: Option<String>,
    /// Names; none may be there.
    #[param(nullable = false)]
    not_tags: Option<String>,
    #[param(nullable = false)]
    start_time: Option<String>,
    #[param(nullable = false)]
    end_time: Option<String>,
    /// An entry, where its page is asked for.
    #[serde(rename = "_id")]
    #[param(nullable = false)]
    id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct InvestigationQuery {
    #[param(nullable = false)]
    pub investigation_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct BookQuery {
    #[param(nullable = false)]
    pub investigation_id: Option<String>,
    #[param(nullable = false)]
    pub instrument_name: Option<String>,
}

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
}

pub type Entries = Vec<Entry>;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// `next` of the answer before: what follows it.
    #[param(nullable = false)]
    before: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// As `Last-Event-ID`, for clients that cannot send it.
    #[param(nullable = false)]
    pub after: Option<String>,
}

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

/// What every operation may answer.
pub struct Always;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let later = |response: ResponseBuilder| {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
            let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds")).build();
            response.header("Retry-After", header)
        };
        BTreeMap::from([
            of("400", failure("The request cannot be understood; the text says what is wrong")),
            of("401", failure("No session, or one that has ended")),
            of("413", failure("The body is too large")),
            of("429", later(failure("Too many requests from this address"))),
            of("500", failure("A fault of the server")),
            of("502", failure("ICAT answered something unexpected")),
            of("503", later(failure("Too busy, or ICAT does not answer"))),
        ])
    }
}

fn failure(description: &str) -> ResponseBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ResponseBuilder::new().description(description).content("text/plain", Content::new(Some(text)))
}

fn of(status: &str, response: ResponseBuilder) -> (String, RefOr<Response>) {
    (status.to_owned(), response.build().into())
}
