//! One who listens: first what they missed, then what comes.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::Stream;
use futures_util::stream::unfold;
use identity::Caller;
use service_kit::{Code, Problem};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, Interval, interval_at};

use crate::catalogue::permissions::ReadableLogbook;
use crate::domain::filter::Filter;
use crate::domain::logbook::Logbook;
use crate::domain::values::parse_number;
use crate::error::Error;
use crate::stream::{EntryStreams, SseEvent, Topic};

/// Proxies close a connection after a longer silence.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is checked whether the caller may still read.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Checks in a row that ICAT, being down, may leave open, for five minutes; then the stream ends.
const MAX_OPEN_CHECKS: u32 = 30;

struct Listener {
    streams: Arc<EntryStreams>,
    caller: Caller,
    topic: Topic,
    events: broadcast::Receiver<SseEvent>,
    /// The last id that the caller has.
    last: i64,
    /// Whether the database has more than was sent here.
    is_behind: bool,
    greeting: Option<Bytes>,
    heartbeat: Interval,
    check: Interval,
    open_checks: u32,
    has_ended: bool,
}

/// A stream after the record that the request names: in `Last-Event-ID`, or in `after` for clients that cannot send it.
pub async fn respond_with_stream(
    streams: Arc<EntryStreams>,
    caller: Caller,
    logbook: &ReadableLogbook,
    filter: Filter,
    request: &HttpRequest,
    after: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let header = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let after = parse_number("Last-Event-ID", header.or(after))?;
    if after.is_some_and(|after| after < 0) {
        return Err(Error::invalid("Last-Event-ID must be an id of this stream").into());
    }
    let topic = Topic { logbook: Logbook::clone(logbook), filter };
    let listener = Listener::open(streams, caller, topic, after).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", "text/event-stream"))
        .insert_header(("cache-control", "no-store"))
        // nginx would hold events back until its buffer is full.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(listener.into_stream()))
}

impl Listener {
    /// After a position that the caller knows, or from now on.
    async fn open(
        streams: Arc<EntryStreams>,
        caller: Caller,
        topic: Topic,
        after: Option<i64>,
    ) -> Result<Self, Problem> {
        let events = streams.subscribe(&topic).await?;
        let head = streams.find_head(&topic.logbook).await?;
        // An id above the head comes from another database, so the client has to read everything again.
        let (last, name) = match after {
            Some(after) if after > head => (head, "reset"),
            Some(after) => (after, "ready"),
            None => (head, "ready"),
        };
        let greeting = format!("retry: 2000\nid: {last}\nevent: {name}\ndata: {{\"record\":{last}}}\n\n");
        let every = |time| interval_at(Instant::now() + time, time);
        Ok(Self {
            streams,
            caller,
            topic,
            events,
            last,
            is_behind: last < head,
            greeting: Some(greeting.into()),
            heartbeat: every(HEARTBEAT),
            check: every(CHECK_INTERVAL),
            open_checks: 0,
            has_ended: false,
        })
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Problem>> {
        unfold(self, |mut listener| async move {
            if listener.has_ended {
                return None;
            }
            let bytes = listener
                .next_bytes()
                .await
                .inspect_err(|e| tracing::warn!(error = %e, "a stream of entries broke off"));
            listener.has_ended = bytes.is_err();
            bytes.transpose().map(|bytes| (bytes, listener))
        })
    }

    /// `None`: the process stops; the caller comes back elsewhere.
    async fn next_bytes(&mut self) -> Result<Option<Bytes>, Problem> {
        if let Some(greeting) = self.greeting.take() {
            return Ok(Some(greeting));
        }
        loop {
            if self.is_behind {
                let missed = self.streams.read_events(&self.topic, self.last).await?;
                self.is_behind = !missed.is_empty();
                if let Some(last) = missed.last() {
                    self.last = last.id;
                    return Ok(Some(missed.into_iter().flat_map(|event| event.bytes).collect()));
                }
            }
            tokio::select! {
                biased;
                () = self.streams.closing.cancelled() => return Ok(None),
                _ = self.check.tick() => {
                    if let Some(end) = self.check_permission().await {
                        return Ok(Some(end));
                    }
                }
                received = self.events.recv() => match received {
                    Ok(event) => {
                        if let Some(bytes) = self.collect_waiting(event) {
                            return Ok(Some(bytes));
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.is_behind = true,
                    Err(RecvError::Closed) => return Ok(None),
                },
                _ = self.heartbeat.tick() => return Ok(Some(Bytes::from_static(b":\n\n"))),
            }
        }
    }

    /// The last event if the caller may not read any more.
    async fn check_permission(&mut self) -> Option<Bytes> {
        match self.streams.permissions.require_read(&self.caller, &self.topic.logbook).await {
            Ok(_) => self.open_checks = 0,
            Err(e)
                if !matches!(e.code, Code::Forbidden | Code::Unauthenticated) && self.open_checks < MAX_OPEN_CHECKS =>
            {
                tracing::debug!(error = %e, "it could not be checked whether a listener may still read");
                self.open_checks += 1;
            }
            Err(e) => {
                tracing::debug!(error = %e, "a listener may not read any more");
                self.has_ended = true;
                return Some(Bytes::from_static(b"event: end\ndata: {}\n\n"));
            }
        }
        None
    }

    /// An event and those that wait behind it, in one piece; nothing if all of them are known.
    fn collect_waiting(&mut self, first: SseEvent) -> Option<Bytes> {
        let mut next = Some(first);
        let mut bytes = Vec::new();
        while let Some(event) = next.take() {
            if event.id > self.last {
                self.last = event.id;
                if bytes.is_empty() && self.events.is_empty() {
                    return Some(event.bytes);
                }
                bytes.extend_from_slice(&event.bytes);
            }
            next = match self.events.try_recv() {
                Ok(event) => Some(event),
                Err(TryRecvError::Lagged(_)) => {
                    self.is_behind = true;
                    None
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => None,
            };
        }
        (!bytes.is_empty()).then(|| bytes.into())
    }
}
