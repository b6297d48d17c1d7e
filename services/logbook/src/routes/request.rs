//! Bodies and answers as ICAT+ has them: JSON with status 200, whatever was done.

use std::time::Duration;

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use service_kit::Problem;

use crate::domain::book::Book;
use crate::domain::filter::{Parameters, number};
use crate::error::Error;
use crate::state::State;

/// A body without a file.
pub const PLAIN: usize = 8 * 1024 * 1024;
/// A body that stops coming for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// The whole body.
pub async fn body(payload: Payload, most: usize) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(SILENCE * 10, payload.to_bytes_limited(most)).await;
    match read {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(e))) => Err(Error::bad(format!("the body broke off: {e}")).into()),
        Ok(Err(_)) => Err(Error::TooLarge(most as u64).into()),
        Err(_) => Err(Error::bad("the body took too long").into()),
    }
}

/// How large a body with a file in base64 may be.
pub fn with_file(state: &State) -> usize {
    let bytes = state.config.largest_attachment.as_u64();
    usize::try_from(bytes / 3 * 4 + 64 * 1024).unwrap_or(usize::MAX)
}

pub fn json(value: &Value) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(value.to_string())
}

/// The logbook that a request names.
pub fn book(investigation: Option<&str>, instrument: Option<&str>) -> Result<Book, Error> {
    if instrument.is_some_and(|name| name.contains('\0')) {
        return Err(Error::bad("there must be no NUL in instrumentName"));
    }
    Ok(Book::of(number("investigationId", investigation)?, instrument))
}

/// The same from the parameters of a list.
pub fn book_of(parameters: &Parameters) -> Result<Book, Error> {
    book(parameters.investigation_id.as_deref(), parameters.instrument_name.as_deref())
}

/// `If-Match: "3"`: the version that a change must meet.
pub fn expected(request: &HttpRequest) -> Result<crate::entries::Match, Error> {
    let Some(value) = request.headers().get("if-match") else { return Ok(crate::entries::Match::Any) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(crate::entries::Match::Any);
    }
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    version
        .map(crate::entries::Match::Version)
        .ok_or_else(|| Error::bad("If-Match must be an ETag of an entry, such as \"3\""))
}

/// The next piece of a large body; whoever falls silent gives their place back.
pub async fn in_time<T>(state: &State, next: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(state.idle_timeout, next).await.map_err(|_| Error::Silent)
}
