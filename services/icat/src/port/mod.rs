//! The dump format of `GET` and `POST /port` of icat.server 6.2: a line `1.0`, then for each kind of entity a header such as
//! `Dataset(name:0,investigation(name:1,visitId:2,facility(name:3)))` and one line of values per row.
//!
//! Rows name others by their unique keys, so that a dump goes from one catalogue into another. Kinds without a unique key
//! have a column `?` that gives a row a name within the file.

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

/// Which columns a dump has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attributes {
    /// What users write.
    User,
    /// `createId`, `createTime`, `modId` and `modTime` as well.
    All,
}

impl Attributes {
    /// As requests name them, in either case; absent is `USER`.
    fn parse_name(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(Self::User),
            Some(text) if text.eq_ignore_ascii_case("USER") => Some(Self::User),
            Some(text) if text.eq_ignore_ascii_case("ALL") => Some(Self::All),
            Some(_) => None,
        }
    }
}

/// Who made a row and when, and who changed it last: the base fields but for the id.
fn stamp_fields() -> &'static [Field] {
    &BASE_FIELDS[1..]
}
