//! Export and import of `GET` and `POST /port` of icat.server 6.2. A dump is a line `1.0`, then for each entity type a header
//! such as `Dataset(name:0,investigation(name:1,visitId:2,facility(name:3)))` and one line of values per row.
//!
//! Rows refer to each other by their unique keys, so that a dump can be imported into another catalogue. Entity types
//! without a unique key have a column `?` with a name for the row within the file.

mod batch_writer;
mod export;
mod import;
mod parser;
mod renderer;
mod upload;

pub use self::export::{ExportRequest, stream_export};
pub use self::import::{DuplicateAction, ImportRequest, PortImporter};
pub use self::upload::Upload;

use icat_client::schema::{BASE_FIELDS, Field};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The set of columns of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attributes {
    /// The attributes that users write.
    User,
    /// Also `createId`, `createTime`, `modId` and `modTime`.
    All,
}

impl Attributes {
    /// Parses the name in a request, in either case; the default is `USER`.
    fn parse_name(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(Self::User),
            Some(text) if text.eq_ignore_ascii_case("USER") => Some(Self::User),
            Some(text) if text.eq_ignore_ascii_case("ALL") => Some(Self::All),
            Some(_) => None,
        }
    }
}

/// Parses the `json` of a request. The error does not repeat it, because it contains the session id.
fn parse_request<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|e| Error::BadParameter(format!("{e} in json")))
}

/// The base fields without the id: who created a row and when, and who changed it last.
fn stamp_fields() -> &'static [Field] {
    &BASE_FIELDS[1..]
}
