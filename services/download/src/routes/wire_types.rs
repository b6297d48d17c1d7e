//! Parameters and answers as the `OpenAPI` document describes them.

#![expect(dead_code, reason = "shapes that handlers read and write otherwise, because their bytes are a contract")]

use std::collections::BTreeMap;

use service_kit::openapi::{response_entry, with_retry_after};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, ToSchema};

/// An error of ids.server.
#[derive(ToSchema)]
pub struct Failure {
    code: FailureCode,
    /// A text for users.
    message: String,
}

/// The kinds of errors.
#[derive(ToSchema)]
enum FailureCode {
    BadRequestException,
    /// The request can be retried later.
    DataNotOnlineException,
    InsufficientPrivilegesException,
    InternalException,
    NotFoundException,
    NotImplementedException,
    #[serde(rename = "NOT_IMPLEMENTED")]
    NoSuchAddress,
}

#[derive(ToSchema)]
pub struct Version {
    #[schema(example = "2.1.1")]
    version: String,
}

/// The bytes of a file or an archive.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Bytes(Vec<u8>);

#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SelectionFormat {
    Zip,
    Tar,
    #[serde(rename = "tar.gz")]
    TarGz,
    Metalink,
    Json,
}

/// What to do with missing files.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Refuse the selection; the error names the missing files.
    Refuse,
    /// Leave out missing files; the JSON list names them.
    Skip,
}

/// What to download. Without any ids the answer is an empty ZIP.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct DataQuery {
    /// ICAT session id; alternative to `Authorization: Bearer`.
    #[param(nullable = false, pattern = "^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$")]
    session_id: Option<String>,
    /// Answer of `prepareData`; session and ids are ignored then.
    #[param(nullable = false, pattern = "^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$")]
    prepared_id: Option<String>,
    /// Token of a signed URL in a metalink or JSON list; permits the download of one file.
    #[param(nullable = false)]
    token: Option<String>,
    /// Comma-separated ids.
    #[param(nullable = false, example = "1,2,3")]
    datafile_ids: Option<String>,
    /// Comma-separated ids; all their files.
    #[param(nullable = false, example = "1,2,3")]
    dataset_ids: Option<String>,
    /// Comma-separated ids; all their files.
    #[param(nullable = false, example = "1,2,3")]
    investigation_ids: Option<String>,
    /// Format of a selection; `json` lists the files with their offsets in the archives.
    #[param(nullable = false, inline)]
    format: Option<SelectionFormat>,
    /// `true` also archives a single file.
    #[param(nullable = false)]
    zip: Option<bool>,
    /// `true` compresses the ZIP, which then has neither a length nor ranges.
    #[param(nullable = false)]
    compress: Option<bool>,
    /// Name of the download; the extension of the archive is added.
    #[param(nullable = false)]
    outname: Option<String>,
}

/// A selection of files. Without ids it is empty.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct SelectionQuery {
    /// ICAT session id; alternative to `Authorization: Bearer`.
    #[param(nullable = false)]
    session_id: Option<String>,
    /// Answer of `prepareData`, if the operation accepts one; session and ids are ignored then.
    #[param(nullable = false)]
    prepared_id: Option<String>,
    /// Comma-separated ids.
    #[param(nullable = false, example = "1,2,3")]
    datafile_ids: Option<String>,
    /// Comma-separated ids; all their files.
    #[param(nullable = false, example = "1,2,3")]
    dataset_ids: Option<String>,
    /// Comma-separated ids; all their files.
    #[param(nullable = false, example = "1,2,3")]
    investigation_ids: Option<String>,
}

/// The same as a form.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SelectionForm {
    #[schema(nullable = false)]
    session_id: Option<String>,
    #[schema(nullable = false)]
    prepared_id: Option<String>,
    #[schema(nullable = false)]
    datafile_ids: Option<String>,
    #[schema(nullable = false)]
    dataset_ids: Option<String>,
    #[schema(nullable = false)]
    investigation_ids: Option<String>,
}

/// The selection to prepare, and how to download it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PrepareForm {
    #[schema(nullable = false)]
    session_id: Option<String>,
    #[schema(nullable = false)]
    datafile_ids: Option<String>,
    #[schema(nullable = false)]
    dataset_ids: Option<String>,
    #[schema(nullable = false)]
    investigation_ids: Option<String>,
    /// Archive a single file too.
    #[schema(nullable = false)]
    zip: Option<bool>,
    #[schema(nullable = false)]
    compress: Option<bool>,
    /// `skip` leaves out files that are missing or unreadable; the JSON list names them. By default, or with `refuse`,
    /// they refuse the selection.
    #[schema(nullable = false)]
    missing: Option<Missing>,
}

/// The datafile of a new file.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct PutQuery {
    /// ICAT session id; alternative to `Authorization: Bearer`.
    #[param(nullable = false)]
    session_id: Option<String>,
    /// `Datafile.name`
    name: String,
    dataset_id: i64,
    datafile_format_id: i64,
    #[param(nullable = false)]
    description: Option<String>,
    #[param(nullable = false)]
    doi: Option<String>,
    /// Milliseconds since 1970 UTC.
    #[param(nullable = false)]
    datafile_create_time: Option<i64>,
    /// Milliseconds since 1970 UTC.
    #[param(nullable = false)]
    datafile_mod_time: Option<i64>,
}

/// The same as a form, with the file.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PutForm {
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// The default is the name of the file part.
    #[schema(nullable = false)]
    name: Option<String>,
    dataset_id: i64,
    datafile_format_id: i64,
    #[schema(nullable = false)]
    description: Option<String>,
    #[schema(nullable = false)]
    doi: Option<String>,
    #[schema(nullable = false)]
    datafile_create_time: Option<i64>,
    #[schema(nullable = false)]
    datafile_mod_time: Option<i64>,
    #[schema(nullable = false)]
    wrap: Option<bool>,
    #[schema(nullable = false)]
    padding: Option<bool>,
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A stored file.
#[derive(ToSchema)]
pub struct Stored {
    /// Id of the new datafile.
    id: i64,
    /// CRC-32.
    checksum: u32,
    location: String,
    size: u64,
}

#[derive(ToSchema)]
pub struct DatafileIds {
    /// Of a prepared selection.
    #[schema(nullable = false)]
    zip: Option<bool>,
    /// Of a prepared selection.
    #[schema(nullable = false)]
    compress: Option<bool>,
    ids: Vec<i64>,
}

/// The queue of the archive, which is always empty.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ServiceStatus {
    ops_queue: Vec<String>,
    lock_count: i64,
    locks: Vec<String>,
    failures: Vec<i64>,
}

/// What every operation may answer.
pub struct Always;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let busy = "`DataNotOnlineException`: overloaded, ICAT or auth does not answer, or the answer took too long";
        BTreeMap::from([
            response_entry(
                "429",
                with_retry_after(describe_failure("`DataNotOnlineException`: too many requests from this address")),
            ),
            response_entry("500", describe_failure("`InternalException`: internal error")),
            response_entry("503", with_retry_after(describe_failure(busy))),
        ])
    }
}

fn describe_failure(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Failure");
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema)))
}
