//! Framing of streamed responses. Small ones are collected and sent with their length; for clients of HTTP/1.0, which do not
//! know chunked encoding, the end of the connection ends the others (RFC 9112, 6.1 and 6.3).

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::http::{ConnectionType, Method, Version};
use actix_web::web::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

/// Responses up to this size are sent as a whole.
const MAX_GATHERED_BYTES: usize = 32 * 1024;
/// How long the head of a response waits for its body to end.
const GATHERING_TIME: Duration = Duration::from_millis(20);

/// Gathers the beginning of a streamed body and chooses its framing; everything else stays as it is.
pub(super) async fn frame_response(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let has_length = response.headers().contains_key(CONTENT_LENGTH);
    if response.response().body().size() != BodySize::Stream || has_length {
        return response;
    }
    let is_head = response.request().method() == Method::HEAD;
    // Events are sent when they happen, and the head before the first one.
    let is_live =
        response.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let body = if is_head || is_live { body } else { gather_beginning(body).await };
    if body.size() == BodySize::Stream && request.version() < Version::HTTP_11 {
        response.head_mut().no_chunking(true);
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    ServiceResponse::new(request, response.set_body(body))
}

/// The whole body if it is small and comes at once, else one that begins with what has come.
async fn gather_beginning(mut body: BoxBody) -> BoxBody {
    let deadline = Instant::now() + GATHERING_TIME;
    let mut beginning = Vec::new();
    let mut size = 0;
    let mut error = None;
    while size < MAX_GATHERED_BYTES {
        match timeout_at(deadline, poll_fn(|context| Pin::new(&mut body).poll_next(context))).await {
            Ok(Some(Ok(piece))) => {
                size += piece.len();
                beginning.push(piece);
            }
            Ok(Some(Err(e))) => {
                error = Some(e);
                break;
            }
            Ok(None) => return BoxBody::new(join_chunks(beginning, size)),
            Err(_) => break,
        }
    }
    BoxBody::new(PartlyReadBody { beginning: beginning.into_iter(), error, rest: body })
}

fn join_chunks(mut pieces: Vec<Bytes>, size: usize) -> Bytes {
    if pieces.len() == 1 {
        return pieces.remove(0);
    }
    let mut whole = BytesMut::with_capacity(size);
    for piece in &pieces {
        whole.extend_from_slice(piece);
    }
    whole.freeze()
}

/// A body of which some has been read.
struct PartlyReadBody {
    beginning: std::vec::IntoIter<Bytes>,
    /// Why it ends after that.
    error: Option<Box<dyn Error>>,
    rest: BoxBody,
}

impl MessageBody for PartlyReadBody {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(piece) = self.beginning.next() {
            return Poll::Ready(Some(Ok(piece)));
        }
        if let Some(e) = self.error.take() {
            return Poll::Ready(Some(Err(e)));
        }
        Pin::new(&mut self.rest).poll_next(context)
    }
}
