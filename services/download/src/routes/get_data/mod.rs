//! `GET /ids/getData`: one file, or a selection in one of the forms of archive, with ranges and validators.

pub mod conditional_request;
mod response;
mod requested_data;
mod file_list;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use self::requested_data::{Choice, choose};
use crate::domain::archive::{Compression, Form};
use crate::domain::format::Format;
use crate::openapi::{Always, Bytes, DataQuery, Failure};
use crate::routes::parameters::Parameters;
use crate::state::State;

/// What the old interface labels all its data.
const OCTETS: &str = "application/octet-stream";

#[utoipa::path(
    get, path = "/ids/getData", operation_id = "get_data", tag = "data", summary = "Download a file or a selection",
    description = "One `datafileIds` alone is sent as the file itself, everything else as one ZIP, or as `format` says. \
        Files, ZIP and tar have a length, a validator and ranges; what is compressed has none of them. A selection that \
        was prepared has the same bytes until it expires; when one of its files changes it is gone (404).",
    params(
        DataQuery,
        ("Range" = Option<String>, Header, nullable = false, description = "`bytes=10-19`, `bytes=10-` or `bytes=-10`; \
            several ranges, and what cannot be understood, get the whole"),
        ("If-Range" = Option<String>, Header, nullable = false, description = "Validator for which the range holds"),
        ("If-Match" = Option<String>, Header, nullable = false, description = "Else 412"),
        ("If-Unmodified-Since" = Option<String>, Header, nullable = false, description = "Else 412"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "Else 304"),
        ("If-Modified-Since" = Option<String>, Header, nullable = false, description = "Else 304"),
    ),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "The whole", body = Bytes, content_type = "application/octet-stream", headers(
            ("Content-Length" = u64, description = "Not of what is compressed"),
            ("Content-Disposition" = String, description = "`attachment` with the file's name or `outname`"),
            ("Accept-Ranges" = String, description = "`bytes`, or `none` for what is compressed"),
            ("ETag" = String, description = "Weak while a file was modified less than two seconds ago"),
            ("Last-Modified" = String, description = "Of the newest file"),
        )),
        (status = 206, description = "A part", body = Bytes, content_type = "application/octet-stream", headers(
            ("Content-Length" = u64),
            ("Content-Range" = String, description = "`bytes 10-19/1000`"),
            ("Content-Disposition" = String, description = "`attachment` with the file's name or `outname`"),
            ("Accept-Ranges" = String, description = "`bytes`"),
            ("ETag" = String),
            ("Last-Modified" = String),
        )),
        (status = 304, description = "The caller has this version", headers(
            ("Accept-Ranges" = String, description = "`bytes`"), ("ETag" = String), ("Last-Modified" = String),
        )),
        (status = 400, description = "`BadRequestException`: a parameter cannot be understood", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row, a file that is not there, an unknown or expired \
            `preparedId`, or one whose files have changed", body = Failure),
        (status = 412, description = "`BadRequestException`: it is not what was asked for", body = Failure),
        (status = 416, description = "`BadRequestException`: the range lies beyond the end", body = Failure, headers(
            ("Content-Range" = String, description = "`bytes */1000`"),
            ("Accept-Ranges" = String, description = "`bytes`"),
            ("ETag" = String),
            ("Last-Modified" = String),
        )),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn get(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of_query(&request)?;
    let format = Format::of(parameters.get("format"))?;
    let outname = parameters.get("outname");
    let is_head = request.method() == Method::HEAD;
    let choice = choose(&state, &parameters, format, is_head).await?;
    let Choice { manifest, name, compress, subject, is_fresh, missing } = choice;
    let with = response::Answering { state, request: &request, manifest, subject, is_fresh };
    if let Some(name) = name {
        return with.ranges(Form::Raw, OCTETS, outname.unwrap_or(&name)).await;
    }
    let zip = format.unwrap_or(Format::Zip);
    let name = zip.file_name(outname, &with.manifest.archive_name());
    let media_type = format.map_or(OCTETS, Format::media_type);
    match zip {
        Format::Zip if compress => with.compressed(Compression::ZipDeflate, media_type, &name).await,
        Format::Zip => {
            let form = with.manifest.zip_form();
            with.ranges(form, media_type, &name).await
        }
        Format::Tar => with.ranges(Form::Tar, media_type, &name).await,
        Format::TarGz => with.compressed(Compression::TarGz, media_type, &name).await,
        Format::Metalink | Format::Json => {
            file_list::list(&with.state, &request, &with.manifest, &missing, zip, &name).await
        }
    }
}
