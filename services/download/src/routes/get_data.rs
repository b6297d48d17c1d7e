//! `GET /ids/getData`: one file with ranges and validators, or several as a ZIP.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETag, EntityTag, HttpDate, LastModified,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream;
use identity::{Identity, Session};
use service_kit::{Code, Problem};
use sha2::{Digest as _, Sha256};

use crate::archive::{self, Member};
use crate::domain::conditions::{Answer, Representation, decide};
use crate::domain::{ids, names};
use crate::error::not_available;
use crate::openapi::{Always, Bytes, DataQuery, Failure};
use crate::selection::{Datafile, Wanted, resolve};
use crate::state::State;
use crate::storage::{self, Opened, READ_SIZE, Storage};

/// When it makes sense to ask again after auth did not answer.
const RETRY_SECONDS: u32 = 10;

#[utoipa::path(
    get, path = "/ids/getData", operation_id = "get_data", summary = "Download one file, or several as a ZIP",
    description = "One `datafileIds` alone is sent as the file itself, with ranges and validators; everything else is \
        one ZIP of all its files, without compression and without ranges.",
    params(
        DataQuery,
        ("Range" = Option<String>, Header, nullable = false, description = "`bytes=10-19`, `bytes=10-` or `bytes=-10` \
            of one file; several ranges, and what cannot be understood, get the whole"),
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
            ("Content-Length" = u64),
            ("Content-Disposition" = String, description = "`attachment` with the file's name or `outname`"),
            ("Accept-Ranges" = String, description = "`bytes` for one file, `none` for a ZIP"),
            ("ETag" = String, description = "Of one file only"),
            ("Last-Modified" = String, description = "Of one file only"),
        )),
        (status = 206, description = "Part of a file", body = Bytes, content_type = "application/octet-stream", headers(
            ("Content-Length" = u64),
            ("Content-Range" = String, description = "`bytes 10-19/1000`"),
            ("Content-Disposition" = String, description = "`attachment` with the file's name or `outname`"),
            ("Accept-Ranges" = String, description = "`bytes`"),
            ("ETag" = String),
            ("Last-Modified" = String),
        )),
        (status = 304, description = "The caller has this version of the file", headers(
            ("Accept-Ranges" = String, description = "`bytes`"), ("ETag" = String), ("Last-Modified" = String),
        )),
        (status = 400, description = "`BadRequestException`: a parameter cannot be understood", body = Failure),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not readable", body = Failure),
        (status = 404, description = "`NotFoundException`: no such row, or a file that is not there", body = Failure),
        (status = 412, description = "`BadRequestException`: the file is not the one asked for", body = Failure),
        (status = 416, description = "`BadRequestException`: the range lies beyond the end", body = Failure,
            content_type = "application/octet-stream", headers(
            ("Content-Range" = String, description = "`bytes */1000`"),
            ("Accept-Ranges" = String, description = "`bytes`"),
            ("ETag" = String),
            ("Last-Modified" = String),
        )),
        (status = 501, description = "`NotImplementedException`: `preparedId` is not supported yet", body = Failure),
        (status = 502, description = "`InternalException`: ICAT answered something unexpected", body = Failure),
    ),
)]
pub async fn get(
    state: web::Data<State>,
    request: HttpRequest,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    // Of a repeated parameter the first value counts.
    let mut parameters: HashMap<&str, &str> = HashMap::new();
    for (key, value) in query.iter() {
        parameters.entry(key).or_insert(value);
    }
    let parameter = |name: &str| parameters.get(name).copied();
    if parameter("preparedId").is_some() {
        let text = "preparedId is not supported yet: ask by ids";
        return Err(Problem::new(Code::NotImplemented, "download/prepared", text));
    }
    let bearer = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let session = session(&state.identity, parameter("sessionId"), bearer).await?;
    let datafiles = ids::list("datafileIds", parameter("datafileIds"))?;
    let datasets = ids::list("datasetIds", parameter("datasetIds"))?;
    let investigations = ids::list("investigationIds", parameter("investigationIds"))?;
    let wanted = Wanted { investigations, datasets, datafiles };
    let zip = parameter("zip").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let storage = state
        .storage
        .as_ref()
        .ok_or_else(|| Problem::new(Code::Internal, "download/no-storage", "no storage is configured for downloads"))?;
    let mut files = resolve(state.identity.icat(), session.expose(), &wanted).await?;
    match (wanted.single(), files.pop()) {
        (Some(_), Some(file)) if !zip => single(storage, &request, file, parameter("outname")).await,
        (_, last) => {
            files.extend(last);
            let now = state.clock.now().strftime("%Y-%m-%d_%H-%M-%S").to_string();
            several(storage, &request, &files, &zip_name(parameter("outname"), &now)).await
        }
    }
}

/// The session id of the parameter, as in ids.server, or the one behind a bearer token.
async fn session(identity: &Identity, parameter: Option<&str>, bearer: Option<&str>) -> Result<Session, Problem> {
    match (parameter, bearer) {
        (None, Some(credential)) => {
            let caller = identity.caller(credential).await?;
            let text = "the session of this token cannot be found now; try again later";
            let unknown =
                || Problem::new(Code::Unavailable, "download/session-unknown", text).with_retry_after(RETRY_SECONDS);
            caller.session().cloned().ok_or_else(unknown)
        }
        (parameter, _) => ids::uuid("sessionId", parameter).map(Session::new),
    }
}

/// `outname` as it is if it ends in `.zip`, else with it; without one the time.
fn zip_name(outname: Option<&str>, now: &str) -> String {
    match outname {
        Some(name) if name.rsplit_once('.').is_some_and(|(_, end)| end == "zip") => name.to_owned(),
        Some(name) => format!("{name}.zip"),
        None => format!("{now}.zip"),
    }
}

async fn single(
    storage: &Storage,
    request: &HttpRequest,
    file: Datafile,
    outname: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let opened = storage.open_all(vec![file.location.clone()]).await?;
    let opened = opened.map_err(|(_, e)| not_available(file.id, e))?.remove(0);
    let now = representation(file.id, &opened.identity);
    let size = opened.identity.size;
    let answer = decide(request, &now);
    let mut response = match answer {
        Answer::Whole => HttpResponse::Ok(),
        Answer::Part { .. } => HttpResponse::PartialContent(),
        Answer::NotModified => HttpResponse::NotModified(),
        Answer::PreconditionFailed => {
            return Err(Problem::new(
                Code::PreconditionFailed,
                "download/changed",
                "The file is not the one asked for",
            ));
        }
        Answer::Unsatisfiable => HttpResponse::RangeNotSatisfiable(),
    };
    response.insert_header((ACCEPT_RANGES, "bytes"));
    response.insert_header(ETag(now.etag)).insert_header(LastModified(now.modified));
    let (first, length) = match answer {
        Answer::Whole => (0, size),
        Answer::Part { first, last } => {
            response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
            (first, last - first + 1)
        }
        Answer::Unsatisfiable => {
            response.insert_header((CONTENT_RANGE, format!("bytes */{size}")));
            response.insert_header((CONTENT_TYPE, "application/octet-stream"));
            let body = r#"{"code":"BadRequestException","message":"The range lies beyond the end of the file"}"#;
            return Ok(response.body(body));
        }
        Answer::NotModified | Answer::PreconditionFailed => return Ok(response.finish()),
    };
    response.insert_header(names::disposition(outname.unwrap_or(&file.name)));
    Ok(sized(request, response, length, || bytes(storage.clone(), opened, first, length)))
}

/// The size, and a body only where one is wanted.
fn sized<S>(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    length: u64,
    body: impl FnOnce() -> S,
) -> HttpResponse
where
    S: futures_util::Stream<Item = Result<web::Bytes, Problem>> + 'static,
{
    response.insert_header((CONTENT_TYPE, "application/octet-stream"));
    if request.method() == Method::HEAD {
        response.insert_header((CONTENT_LENGTH, length)).no_chunking(length);
        return response.body(SizedStream::new(length, stream::empty::<Result<web::Bytes, Problem>>()));
    }
    response.body(SizedStream::new(length, Box::pin(body())))
}

/// A strong validator: the same bytes as long as the file is the same and untouched.
fn representation(id: i64, identity: &storage::Identity) -> Representation {
    let storage::Identity { size, modified: (seconds, nanoseconds), device, inode } = identity;
    let digest = Sha256::digest(format!("{id} {size} {seconds}.{nanoseconds} {device} {inode}"));
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(*seconds).unwrap_or_default());
    Representation {
        etag: EntityTag::new_strong(URL_SAFE_NO_PAD.encode(&digest[..16])),
        modified: HttpDate::from(modified),
        size: *size,
    }
}

/// Part of a file in reads of [`READ_SIZE`]; a file that gets shorter meanwhile cuts the transfer.
fn bytes(
    storage: Storage,
    file: Opened,
    first: u64,
    length: u64,
) -> impl futures_util::Stream<Item = Result<web::Bytes, Problem>> {
    stream::try_unfold((storage, file, first, length), async |(storage, file, offset, left)| {
        if left == 0 {
            return Ok(None);
        }
        let length = usize::try_from(left).unwrap_or(READ_SIZE).min(READ_SIZE);
        let bytes = storage.read(&file, offset, length).await?.map_err(Problem::internal)?;
        let done = length as u64;
        Ok(Some((web::Bytes::from(bytes), (storage, file, offset + done, left - done))))
    })
}

async fn several(
    storage: &Storage,
    request: &HttpRequest,
    files: &[Datafile],
    name: &str,
) -> Result<HttpResponse, Problem> {
    let locations: Vec<String> = files.iter().map(|file| file.location.clone()).collect();
    let identities = storage.identify_all(locations.clone()).await?;
    let identities = identities.map_err(|(at, e)| not_available(files[at].id, e))?;
    let mut paths: Vec<String> = files
        .iter()
        .map(|file| {
            let [facility, investigation, visit, dataset] = &file.folders;
            names::member(&["ids", facility, investigation, visit, dataset, &file.name])
        })
        .collect();
    names::unique(&mut paths);
    let members: Vec<Member> = paths
        .into_iter()
        .zip(&identities)
        .map(|(name, identity)| Member { name, size: identity.size, modified: identity.modified.0 })
        .collect();
    let length = archive::total(&members);
    let mut response = HttpResponse::build(StatusCode::OK);
    // Ranges of archives are not served yet, and a client must not try.
    response.insert_header((ACCEPT_RANGES, "none")).insert_header(names::disposition(name));
    Ok(sized(request, response, length, || archive::stream(storage.clone(), members, locations)))
}
