//! `GET /ids/getData`: sends a file or an archive of a selection, with ranges and validators.

mod conditional_request;
mod file_list;
mod requested_data;
mod response;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use self::requested_data::{RequestedData, find_requested_data};
use crate::domain::archive::{ArchiveFormat, Compression};
use crate::domain::format::RequestedFormat;
use crate::routes::parameters::Parameters;
use crate::routes::wire_types::{Always, Bytes, DataQuery, Failure};
use crate::state::State;

/// The media type of all data of ids.server.
const OCTETS: &str = "application/octet-stream";

#[utoipa::path(
    get, path = "/ids/getData", operation_id = "get_data", tag = "data", summary = "Download a file or a selection",
    description = "A single datafile is sent as it is, everything else as one ZIP, or in the given `format`. Files, \
        ZIP and tar have a length, a validator and ranges; compressed archives have none of them. A prepared \
        selection has the same bytes until it expires; when one of its files changes, it answers 404.",
    params(
        DataQuery,
        ("Range" = Option<String>, Header, nullable = false, description = "`bytes=10-19`, `bytes=10-` or \
            `bytes=-10`; several or invalid ranges are ignored"),
        ("If-Range" = Option<String>, Header, nullable = false, description = "The range is ignored for other \
            validators"),
        ("If-Match" = Option<String>, Header, nullable = false, description = "Else 412"),
        ("If-Unmodified-Since" = Option<String>, Header, nullable = false, description = "Else 412"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "Else 304"),
        ("If-Modified-Since" = Option<String>, Header, nullable = false, description = "Else 304"),
    ),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "The whole", body = Bytes, content_type = "application/octet-stream", headers(
            ("Content-Length" = u64, description = "Not for compressed archives"),
            ("Content-Disposition" = String, description = "`attachment` with the file's name or `outname`"),
            ("Accept-Ranges" = String, description = "`bytes`, or `none` for compressed archives"),
            ("ETag" = String, description = "Weak while a file was modified less than two seconds ago"),
            ("Last-Modified" = String, description = "Time of the newest file"),
        )),
        (status = 206, description = "A part", body = Bytes, content_type = "application/octet-stream", headers(
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
    let parameters = Parameters::from_query(&request)?;
    let format = RequestedFormat::parse_optional(parameters.get("format"))?;
    let outname = parameters.get("outname");
    let is_head = request.method() == Method::HEAD;
    let choice = find_requested_data(&state, &parameters, format, is_head).await?;
    let RequestedData { manifest, name, compress, subject, is_fresh, missing } = choice;
    let response = response::DataResponse { state, request: &request, manifest, subject, is_fresh };
    if let Some(name) = name {
        return response.respond_with_range(ArchiveFormat::Raw, OCTETS, outname.unwrap_or(&name)).await;
    }
    let zip = format.unwrap_or(RequestedFormat::Zip);
    let name = zip.file_name(outname, &response.manifest.archive_name());
    let media_type = format.map_or(OCTETS, RequestedFormat::media_type);
    match zip {
        RequestedFormat::Zip if compress => {
            response.respond_compressed(Compression::ZipDeflate, media_type, &name).await
        }
        RequestedFormat::Zip => {
            let form = response.manifest.zip_format();
            response.respond_with_range(form, media_type, &name).await
        }
        RequestedFormat::Tar => response.respond_with_range(ArchiveFormat::Tar, media_type, &name).await,
        RequestedFormat::TarGz => response.respond_compressed(Compression::TarGz, media_type, &name).await,
        RequestedFormat::Metalink | RequestedFormat::Json => {
            file_list::render_file_list(&response.state, &request, &response.manifest, &missing, zip, &name).await
        }
    }
}
