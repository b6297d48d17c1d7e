//! Bodies and answers as ICAT+ has them: JSON with status 200, whatever was done.

use std::time::Duration;

use actix_web::http::header::{ETAG, Header as _, HeaderValue, IfMatch};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use service_kit::Problem;

use crate::domain::entry::{Entry, VersionCondition};
use crate::domain::entry_content::has_nul;
use crate::error::Error;

/// The address of the page.
pub const PAGE_ADDRESS: &str = "/logbook/app";
/// Bytes of a body without a file at most.
pub const MAX_BODY: usize = 8 * 1024 * 1024;
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_mins(5);

/// Reads the whole body.
pub async fn read_body(payload: Payload, max_bytes: usize) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(max_bytes)).await;
    match read {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(e))) => Err(Error::invalid(format!("the body was cut off: {e}")).into()),
        Ok(Err(_)) => Err(Error::TooLarge(max_bytes as u64).into()),
        Err(_) => Err(Error::invalid("the body took too long").into()),
    }
}

/// Parses a body. ICAT+ has a sentence of its own for an empty one; else `otherwise` says what the body is not.
pub fn parse_json<T: DeserializeOwned>(body: &[u8], otherwise: &str) -> Result<T, Error> {
    if body.is_empty() {
        return Err(Error::NoBody);
    }
    // No database text can hold it.
    if has_nul(body) {
        return Err(Error::invalid("there must be no NUL (\\u0000) in a text"));
    }
    serde_json::from_slice(body).map_err(|e| Error::invalid(format!("{otherwise}: {e}")))
}

/// Reads and parses a body without a file.
pub async fn read_json<T: DeserializeOwned>(payload: Payload, otherwise: &str) -> Result<T, Problem> {
    Ok(parse_json(&read_body(payload, MAX_BODY).await?, otherwise)?)
}

pub fn respond_json(value: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(value)
}

/// Sets the entry's `ETag`, for `If-Match`.
pub fn set_etag(answer: &mut HttpResponse, entry: &Entry) -> Result<(), Problem> {
    let etag = entry.etag().map_err(Problem::internal)?;
    answer.headers_mut().insert(ETAG, HeaderValue::from_str(&etag).map_err(Problem::internal)?);
    Ok(())
}

/// `If-Match` (RFC 9110, section 13.1.1): the version that a change must meet. Weak tags meet none.
pub fn parse_if_match(request: &HttpRequest) -> Result<VersionCondition, Error> {
    if !request.headers().contains_key("if-match") {
        return Ok(VersionCondition::Any);
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Ok(VersionCondition::Any),
        Ok(IfMatch::Items(tags)) if !tags.is_empty() => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            Ok(VersionCondition::OneOf(strong.map(|tag| tag.to_string()).collect()))
        }
        Ok(IfMatch::Items(_)) | Err(_) => {
            Err(Error::invalid("If-Match must be the ETag of an entry, in its quotation marks"))
        }
    }
}

/// The next chunk of a large body; who stalls gives their place back.
pub async fn with_idle_timeout<T>(idle_timeout: Duration, next: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(idle_timeout, next).await.map_err(|_| Error::Stalled)
}
