//! Bodies of requests: small ones are received before the request takes a place, and pauses in them are limited.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use crate::problem::{Code, Problem};

/// Bytes that are received before a request takes a place: small bodies as a whole, the beginning of others.
const BEGINNING_BYTES: usize = 32 * 1024;

/// Whether the body timed out while its handler waited for it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct BodyTimeout(Arc<AtomicBool>);

impl BodyTimeout {
    pub fn has_passed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Refuses compressed bodies: a few of them, which are small, would fill the memory, because each piece is unpacked before its size is
/// compared with a limit (actix-web 4.18).
fn require_plain_body(req: &ServiceRequest) -> Result<(), Problem> {
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if req.headers().get_all(CONTENT_ENCODING).all(is_plain) {
        return Ok(());
    }
    let text = "compressed bodies (Content-Encoding) are not accepted; send the body as it is";
    Err(Problem::new(Code::UnsupportedMediaType, "compressed-body", text))
}

/// Receives the beginning of a body; fails if no chunk arrives for `limit`.
pub(super) async fn receive_beginning(req: &mut ServiceRequest, limit: Duration) -> Result<(), Problem> {
    require_plain_body(req)?;
    let mut payload = req.take_payload();
    if matches!(payload, Payload::None) {
        return Ok(());
    }
    let mut beginning = Vec::new();
    let mut size = 0;
    while size < BEGINNING_BYTES {
        let Some(piece) = timeout(limit, payload.next()).await.map_err(|_| body_timeout_problem())? else {
            payload = Payload::None;
            break;
        };
        size += piece.as_ref().map_or(BEGINNING_BYTES, Bytes::len);
        beginning.push(piece);
    }
    req.set_payload(Payload::Stream { payload: Box::pin(stream::iter(beginning).chain(payload)) });
    Ok(())
}

/// Ends the body with an error if no chunk arrives for `limit`.
pub(super) fn limit_pauses(req: &mut ServiceRequest, limit: Duration) -> BodyTimeout {
    let body_timeout = BodyTimeout::default();
    let payload = req.take_payload();
    if matches!(payload, Payload::None) {
        return body_timeout;
    }
    let noted = body_timeout.clone();
    let watched = stream::unfold(Some(payload), move |payload| {
        let noted = noted.clone();
        async move {
            let mut payload = payload?;
            if let Ok(piece) = timeout(limit, payload.next()).await {
                return piece.map(|piece| (piece, Some(payload)));
            }
            noted.0.store(true, Ordering::Relaxed);
            Some((Err(PayloadError::Io(io::ErrorKind::TimedOut.into())), None))
        }
    });
    req.set_payload(Payload::Stream { payload: Box::pin(watched) });
    body_timeout
}

pub(super) fn body_timeout_problem() -> Problem {
    Problem::new(Code::Timeout, "silent", "the body of the request did not go on")
}
