//! One who listens: first what they missed, then what comes.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use identity::Caller;
use service_kit::{Code, Problem};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, Interval, interval_at};

use crate::catalogue::permissions;
use crate::state::State;
use crate::stream::sse::frames;
use crate::stream::{Frame, Key, head};

/// Silence after which proxies may close a connection is longer.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is asked whether the caller may still read.
const CHECK: Duration = Duration::from_mins(1);
/// Checks in a row that ICAT, being down, may leave open; then nobody listens any more.
const MOST_UNSAID: u32 = 5;

pub struct Reader {
    state: Arc<State>,
    caller: Caller,
    key: Key,
    frames: broadcast::Receiver<Frame>,
    /// What the caller has.
    last: i64,
    /// Whether the database has more than was sent here.
    is_behind: bool,
    greeting: Option<Bytes>,
    heartbeat: Interval,
    check: Interval,
    unsaid: u32,
    has_ended: bool,
}

impl Reader {
    /// After a place that the caller knows, or from now on.
    pub async fn open(state: Arc<State>, caller: Caller, key: Key, after: Option<i64>) -> Result<Self, Problem> {
        let frames = state.live.subscribe(&state, &key).await?;
        let head = head(&state, &key.book).await?;
        // A number that was not given yet is of another database: what is there now has to be read anew.
        let (last, name) = match after {
            Some(after) if after > head => (head, "reset"),
            Some(after) => (after, "ready"),
            None => (head, "ready"),
        };
        let greeting = format!("retry: 2000\nid: {last}\nevent: {name}\ndata: {{\"record\":{last}}}\n\n");
        let every = |time| interval_at(Instant::now() + time, time);
        Ok(Self {
            state,
            caller,
            key,
            frames,
            last,
            is_behind: last < head,
            greeting: Some(greeting.into()),
            heartbeat: every(HEARTBEAT),
            check: every(CHECK),
            unsaid: 0,
            has_ended: false,
        })
    }

    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Problem>> {
        unfold(self, |mut reader| async move {
            if reader.has_ended {
                return None;
            }
            let piece = reader.next().await.inspect_err(|e| tracing::warn!(error = %e, "a live logbook broke off"));
            reader.has_ended = piece.is_err();
            piece.transpose().map(|piece| (piece, reader))
        })
    }

    /// `None`: the process stops; the caller comes back elsewhere.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        if let Some(greeting) = self.greeting.take() {
            return Ok(Some(greeting));
        }
        loop {
            if self.is_behind {
                let missed = frames(&self.state, &self.key, self.last).await?;
                self.is_behind = !missed.is_empty();
                if let Some(last) = missed.last() {
                    self.last = last.n;
                    return Ok(Some(missed.into_iter().flat_map(|frame| frame.bytes).collect()));
                }
            }
            tokio::select! {
                biased;
                () = self.state.closing.cancelled() => return Ok(None),
                _ = self.check.tick() => {
                    match permissions::read(&self.state, &self.caller, &self.key.book).await {
                        Ok(()) => self.unsaid = 0,
                        Err(e) if !matches!(e.code, Code::Forbidden | Code::Unauthenticated) && self.unsaid < MOST_UNSAID => {
                            tracing::debug!(error = %e, "nobody says now whether those who listen may still read");
                            self.unsaid += 1;
                        }
                        Err(e) => {
                            tracing::debug!(error = %e, "whoever listened may not read any more");
                            self.has_ended = true;
                            return Ok(Some(Bytes::from_static(b"event: end\ndata: {}\n\n")));
                        }
                    }
                }
                received = self.frames.recv() => match received {
                    Ok(frame) => {
                        if let Some(piece) = self.take(frame) {
                            return Ok(Some(piece));
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.is_behind = true,
                    Err(RecvError::Closed) => return Ok(None),
                },
                _ = self.heartbeat.tick() => return Ok(Some(Bytes::from_static(b":\n\n"))),
            }
        }
    }

    /// A frame and those that wait behind it, in one piece; nothing if all of them are known.
    fn take(&mut self, first: Frame) -> Option<Bytes> {
        let mut next = Some(first);
        let mut piece = Vec::new();
        while let Some(frame) = next.take() {
            if frame.n > self.last {
                self.last = frame.n;
                if piece.is_empty() && self.frames.is_empty() {
                    return Some(frame.bytes);
                }
                piece.extend_from_slice(&frame.bytes);
            }
            next = match self.frames.try_recv() {
                Ok(frame) => Some(frame),
                Err(TryRecvError::Lagged(_)) => {
                    self.is_behind = true;
                    None
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => None,
            };
        }
        (!piece.is_empty()).then(|| piece.into())
    }
}
