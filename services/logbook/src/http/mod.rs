//! Bodies and answers as ICAT+ has them: JSON with status 200, whatever was done.

use std::time::Duration;

use actix_web::http::header::{Header as _, IfMatch};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::Problem;

use crate::domain::filter::{Parameters, number};
use crate::domain::logbook::Book;
use crate::domain::names;
use crate::entries::Match;
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

pub fn json(value: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(value)
}

/// The logbook that a request names.
pub fn book(investigation: Option<&str>, instrument: Option<&str>) -> Result<Book, Error> {
    if let Some(name) = instrument {
        names::check_instrument(name)?;
    }
    Ok(Book::of(number("investigationId", investigation)?, instrument))
}

/// The same from the parameters of a list.
pub fn book_of(parameters: &Parameters) -> Result<Book, Error> {
    book(parameters.investigation_id.as_deref(), parameters.instrument_name.as_deref())
}

/// `If-Match` (RFC 9110, section 13.1.1): the state that a change must meet. Weak tags meet none.
pub fn parse_if_match(request: &HttpRequest) -> Result<Match, Error> {
    if !request.headers().contains_key("if-match") {
        return Ok(Match::Any);
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Ok(Match::Any),
        Ok(IfMatch::Items(tags)) if !tags.is_empty() => {
            Ok(Match::OneOf(tags.into_iter().filter(|tag| !tag.weak).map(|tag| tag.to_string()).collect()))
        }
        Ok(IfMatch::Items(_)) | Err(_) => {
            Err(Error::bad("If-Match must be the ETag of an entry, in its quotation marks"))
        }
    }
}

/// The next piece of a large body; whoever falls silent gives their place back.
pub async fn in_time<T>(state: &State, next: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(state.idle_timeout, next).await.map_err(|_| Error::Silent)
}
