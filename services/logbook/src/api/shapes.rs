//! What operations take and answer, where it is no type of the domain.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::entry_content::{TagName, parsed};
use crate::domain::rendered_entry::EntryBody;
use crate::error::Error;

/// A file as a `data:` URL.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FromBase64 {
    /// `data:<type>;base64,<content>`
    #[schema(value_type = String)]
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

/// What a search found.
#[derive(Serialize, ToSchema)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// `before` of the next part; null at the end.
    #[schema(required)]
    pub next: Option<String>,
    /// False if the caller may read more logbooks than were looked through.
    pub complete: bool,
}

#[derive(Serialize, ToSchema)]
pub struct Hit {
    /// `investigation/4711`, `instrument/bl07` or `facility`.
    pub book: Option<String>,
    #[schema(value_type = EntryBody)]
    pub event: serde_json::Value,
    /// Texts of the entry with what was found in them.
    pub excerpts: Vec<Vec<ExcerptPiece>>,
}

#[derive(Serialize, ToSchema)]
pub struct ExcerptPiece {
    pub text: String,
    /// Whether it is what was asked for.
    pub hit: bool,
}

/// On which page of a list an entry is.
#[derive(Serialize, ToSchema)]
pub struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub page: Option<PageOf>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageOf {
    pub total: i64,
    pub total_pages: i64,
    pub current_page: i64,
}

#[derive(Serialize, ToSchema)]
pub struct DayCount {
    /// A day.
    #[serde(rename = "_id")]
    #[schema(format = Date)]
    pub id: String,
    pub count: i64,
}

/// How many entries an investigation has; name, title and times where the catalogue tells them.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "written as rows of the catalogue with counts added")]
pub struct InvestigationCount {
    investigation_id: String,
    name: Option<String>,
    title: Option<String>,
    #[schema(format = DateTime)]
    start_date: Option<String>,
    #[schema(format = DateTime)]
    end_date: Option<String>,
    count: i64,
    annotations: i64,
    notifications: i64,
}

/// As `MongoDB` answers an update.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    pub n: usize,
    pub n_modified: usize,
    pub ok: usize,
}

#[derive(Serialize, ToSchema)]
pub struct Filled {
    pub count: i64,
    pub missing: i64,
    pub updated: usize,
}

/// A JWK set (RFC 7517) of Ed25519 keys (RFC 8037).
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    pub keys: Vec<PublicKey>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub struct PublicKey {
    #[schema(example = "OKP")]
    pub kty: &'static str,
    #[schema(example = "Ed25519")]
    pub crv: &'static str,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: &'static str,
    #[schema(example = "EdDSA")]
    pub alg: &'static str,
    pub kid: String,
    pub x: String,
}

/// Whatever a portal keeps, besides the user's name.
#[derive(ToSchema)]
#[expect(dead_code, reason = "kept as the JSON that portals send")]
pub struct Preferences {
    username: String,
    #[serde(flatten)]
    more: std::collections::HashMap<String, serde_json::Value>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "the parts are read one after the other")]
pub struct UploadForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "bytes are sent as they are")]
pub struct Binary(Vec<u8>);
