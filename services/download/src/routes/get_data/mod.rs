//! `GET /ids/getData`: sends a file or an archive of a selection, with ranges and validators.

mod conditional_request;
mod file_list;
mod requested_data;
mod response;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;
use utoipa::IntoParams;

use self::requested_data::{DataOptions, RequestedData, find_by_token, find_requested_data};
use crate::domain::archive::{Compression, LayoutFormat};
use crate::domain::archive_format::ArchiveFormat;
use crate::error_format::Failure;
use crate::routes::common_responses::{Bytes, CommonResponses};
use crate::routes::parameters::{SelectionParameters, is_true};
use crate::state::State;

/// The media type of all data of ids.server.
const OCTETS: &str = "application/octet-stream";

/// What to download, and how. Without any ids the answer is an empty ZIP.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DataParameters {
    /// Token of a signed URL in a metalink or JSON list; permits the download of one file.
    #[param(nullable = false)]
    token: Option<String>,
    /// Format of a selection; `json` lists the files with their offsets in the archives.
    #[param(value_type = Option<ArchiveFormat>, nullable = false, inline)]
    format: Option<String>,
    /// `true` also archives a single file.
    #[param(value_type = Option<bool>, nullable = false)]
    zip: Option<String>,
    /// `true` compresses the ZIP, which then has neither a length nor ranges.
    #[param(value_type = Option<bool>, nullable = false)]
    compress: Option<String>,
    /// Name of the download; the extension of the archive is added.
    #[param(nullable = false)]
    outname: Option<String>,
}

#[utoipa::path(
    get, path = "/ids/getData", operation_id = "get_data", tag = "data", summary = "Download a file or a selection",
    description = "A single datafile is sent as it is, everything else as one ZIP, or in the given `format`. Files, \
        ZIP and tar have a length, a validator and ranges; compressed archives have none of them. A prepared \
        selection has the same bytes until it expires; when one of its files changes, it answers 404.",
    params(
        SelectionParameters,
        DataParameters,
        ("Range" = Option<String>, Header, nullable = false, description = "`bytes=10-19`, `bytes=10-` or \
            `bytes=-10`; several or invalid ranges are ignored"),
        ("If-Range" = Option<String>, Header, nullable = false, description = "The range is ignored if the file or \
            archive has another validator"),
        ("If-Match" = Option<String>, Header, nullable = false, description = "The response is 412 if no validator matches"),
        ("If-Unmodified-Since" = Option<String>, Header, nullable = false, description = "The response is 412 if the file \
            or archive was modified later"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "The response is 304 if a validator matches"),
        ("If-Modified-Since" = Option<String>, Header, nullable = false, description = "The response is 304 if the file \
            or archive was not modified later"),
    ),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "The whole file or archive", body = Bytes, content_type = "application/octet-stream", headers(
            ("Content-Length" = u64, description = "Not for compressed archives"),
            ("Content-Disposition" = String, description = "`attachment` with the file's name or `outname`"),
            ("Accept-Ranges" = String, description = "`bytes`, or `none` for compressed archives"),
            ("ETag" = String, description = "Weak while a file was modified less than two seconds ago"),
            ("Last-Modified" = String, description = "Time of the newest file"),
        )),
        (status = 206, description = "The requested range", body = Bytes, content_type = "application/octet-stream", headers(
            ("Content-Length" = u64),
            ("Content-Range" = String, description = "`bytes 10-19/1000`"),
            ("Content-Disposition" = String, description = "`attachment` with the file's name or `outname`"),
            ("Accept-Ranges" = String, description = "`bytes`"),
            ("ETag" = String),
            ("Last-Modified" = String),
        )),
        (status = 304, description = "Not modified", headers(
            ("Accept-Ranges" = String, description = "`bytes`"), ("ETag" = String), ("Last-Modified" = String),
        )),
        (status = 400, description = "`BadRequestException`: invalid parameter", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row, a missing file, or a `preparedId` that is \
            unknown, has expired, or has changed files", body = Failure),
        (status = 412, description = "`BadRequestException`: a precondition failed", body = Failure),
        (status = 416, description = "`BadRequestException`: the range is beyond the end", body = Failure, headers(
            ("Content-Range" = String, description = "`bytes */1000`"),
            ("Accept-Ranges" = String, description = "`bytes`"),
            ("ETag" = String),
            ("Last-Modified" = String),
        )),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn get_data(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (selection, parameters): (SelectionParameters, DataParameters) =
        (parse_query(&request)?, parse_query(&request)?);
    let format = ArchiveFormat::parse_optional(parameters.format.as_deref())?;
    let outname = parameters.outname.as_deref();
    let options = DataOptions {
        format,
        zip: is_true(parameters.zip.as_deref()),
        compress: is_true(parameters.compress.as_deref()),
        is_head: request.method() == Method::HEAD,
    };
    let choice = match &parameters.token {
        Some(token) => find_by_token(&state, token).await?,
        None => find_requested_data(&state, &request, &selection, options).await?,
    };
    let RequestedData { manifest, name, compress, subject, is_fresh, missing } = choice;
    let response = response::DataResponse { state, request: &request, manifest, subject, is_fresh };
    if let Some(name) = name {
        return response.respond_with_range(LayoutFormat::Raw, OCTETS, outname.unwrap_or(&name)).await;
    }
    let zip = format.unwrap_or(ArchiveFormat::Zip);
    let name = zip.file_name(outname, &response.manifest.archive_name());
    let media_type = format.map_or(OCTETS, ArchiveFormat::media_type);
    match zip {
        ArchiveFormat::Zip if compress => response.respond_compressed(Compression::ZipDeflate, media_type, &name).await,
        ArchiveFormat::Zip => {
            let form = response.manifest.zip_format();
            response.respond_with_range(form, media_type, &name).await
        }
        ArchiveFormat::Tar => response.respond_with_range(LayoutFormat::Tar, media_type, &name).await,
        ArchiveFormat::TarGz => response.respond_compressed(Compression::TarGz, media_type, &name).await,
        ArchiveFormat::Metalink | ArchiveFormat::Json => {
            file_list::render_file_list(&response.state, &request, &response.manifest, &missing, zip, &name).await
        }
    }
}
