//! Helpers of handlers for requests and answers.

use std::convert::Infallible;

use actix_web::body::SizedStream;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use service_kit::{Problem, RequestCredential};

use crate::search::PIECE_BYTES;
use crate::sessions::Credential;
use crate::state::State;

/// 200 with compact JSON; ICAT names no charset. A long text is passed on in pieces, so that it is not copied as a whole.
pub fn json_response(body: String) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(("content-type", "application/json"));
    if body.len() <= PIECE_BYTES {
        return response.body(body);
    }
    let (length, mut rest) = (body.len() as u64, Bytes::from(body));
    let pieces = std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| Ok::<_, Infallible>(rest.split_to(rest.len().min(PIECE_BYTES))))
    });
    response.body(SizedStream::new(length, stream::iter(pieces)))
}

/// The credential of `Authorization: Bearer`, else the parameter of the interface.
pub async fn requested_credential(
    state: &State,
    request: &HttpRequest,
    parameter: Option<&str>,
) -> Result<Credential, Problem> {
    let found = RequestCredential::find_with_parameter(request, parameter)?.map(|credential| credential.text);
    state.sessions.resolve_credential(found.as_deref()).await
}
