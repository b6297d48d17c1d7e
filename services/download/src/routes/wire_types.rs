//! Parameters and answers as the `OpenAPI` document describes them.

#![expect(dead_code, reason = "shapes that handlers read and write otherwise, because their bytes are a contract")]

use std::collections::BTreeMap;

use service_kit::openapi::{response_entry, with_retry_after};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, ToSchema};

/// What ids.server answers to a request that it refuses or that fails.
#[derive(ToSchema)]
pub struct Failure {
    code: FailureCode,
    /// For people.
    message: String,
}

/// The kinds of failure.
#[derive(ToSchema)]
enum FailureCode {
    BadRequestException,
    /// Trying later helps.
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

/// What happens to files that are not there.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// The selection is refused, and the answer names them.
    Refuse,
    /// They are left out; the JSON list names them.
    Skip,
}

/// What to download. Without any ids the answer is an empty ZIP.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct DataQuery {
    /// An ICAT session; or `Authorization: Bearer`.
    #[param(nullable = false, pattern = "^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$")]
    session_id: Option<String>,
    /// What `prepareData` answered; then session and ids do not count.
    #[param(nullable = false, pattern = "^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$")]
    prepared_id: Option<String>,
    /// From the addresses of a metalink or JSON list; opens one file.
    #[param(nullable = false)]
    token: Option<String>,
    /// Ids with commas between them.
    #[param(nullable = false, example = "1,2,3")]
    datafile_ids: Option<String>,
    /// Ids with commas between them; all their files.
    #[param(nullable = false, example = "1,2,3")]
    dataset_ids: Option<String>,
    /// Ids with commas between them; all their files.
    #[param(nullable = false, example = "1,2,3")]
    investigation_ids: Option<String>,
    /// Of a selection; `json` lists the files and their places in the archives.
    #[param(nullable = false, inline)]
    format: Option<SelectionFormat>,
    /// `true` also puts one file alone into a ZIP.
    #[param(nullable = false)]
    zip: Option<bool>,
    /// `true` compresses a ZIP, which then has neither length nor ranges.
    #[param(nullable = false)]
    compress: Option<bool>,
    /// Name of the download; the ending of the archive is added.
    #[param(nullable = false)]
    outname: Option<String>,
}

/// Which files are meant. Without any ids none are.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct SelectionQuery {
    /// An ICAT session; or `Authorization: Bearer`.
    #[param(nullable = false)]
    session_id: Option<String>,
    /// What `prepareData` answered, where the operation takes one; then session and ids do not count.
    #[param(nullable = false)]
    prepared_id: Option<String>,
    /// Ids with commas between them.
    #[param(nullable = false, example = "1,2,3")]
    datafile_ids: Option<String>,
    /// Ids with commas between them; all their files.
    #[param(nullable = false, example = "1,2,3")]
    dataset_ids: Option<String>,
    /// Ids with commas between them; all their files.
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

/// What to freeze, and how it is to be downloaded.
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
    /// One file alone as a ZIP too.
    #[schema(nullable = false)]
    zip: Option<bool>,
    #[schema(nullable = false)]
    compress: Option<bool>,
    /// `skip` leaves out files that are missing or cannot be read; the JSON list names them. Without it, or with `refuse`,
    /// they refuse the selection.
    #[schema(nullable = false)]
    missing: Option<Missing>,
}

/// What is said of a file that is stored.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct PutQuery {
    /// An ICAT session; or `Authorization: Bearer`.
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

/// The same as a form, and the file.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PutForm {
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// Else the name of the file part.
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

/// A file that was stored.
#[derive(ToSchema)]
pub struct Stored {
    /// Of the new datafile.
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

/// What an archive would have to do.
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
        let busy = "`DataNotOnlineException`: too busy, ICAT or auth does not answer, or the answer took too long";
        BTreeMap::from([
            response_entry(
                "429",
                with_retry_after(describe_failure("`DataNotOnlineException`: too many requests from this address")),
            ),
            response_entry("500", describe_failure("`InternalException`: a fault of the server")),
            response_entry("503", with_retry_after(describe_failure(busy))),
        ])
    }
}

fn describe_failure(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Failure");
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema)))
}
