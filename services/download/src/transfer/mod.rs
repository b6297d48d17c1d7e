//! One answer with data: pieces read in the pool of the storage, one at a time, never ahead of the client, so that what
//! a client holds here is one piece.

mod checksums;
mod packed;
mod ranges;
pub mod reports;
mod source;

use std::sync::Arc;

use actix_web::web::{Bytes, Data};
use futures_util::{Stream, stream};
use service_kit::{Code, Problem};
use tokio::time::Instant;

pub use self::checksums::{hash, provide};
use self::packed::Packed;
use self::ranges::Ranges;
use self::reports::{Ending, Outcome};
pub use self::source::Broken;
use crate::archive::{Compression, Form};
use crate::domain::pace;
use crate::error;
use crate::manifest::Manifest;
use crate::state::State;
use crate::storage::{Root, Storage};
use crate::store;

/// What is sent.
pub enum Content {
    Part { form: Form, first: u64, end: u64 },
    Whole(Compression),
}

enum Work {
    Ranges(Ranges),
    Packed(Box<Packed>),
}

impl Work {
    fn fill(&mut self, root: &Root, want: usize) -> Result<Vec<u8>, Broken> {
        match self {
            Self::Ranges(ranges) => ranges.fill(root, want),
            Self::Packed(packed) => packed.fill(root, want),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Ranges(ranges) => ranges.left() == 0,
            Self::Packed(packed) => packed.is_finished(),
        }
    }
}

/// A transfer whose first piece has been read.
struct Transfer {
    state: Data<State>,
    storage: Storage,
    manifest: Arc<Manifest>,
    work: Option<Work>,
    first: Option<Vec<u8>>,
    sent: u64,
    since: Instant,
    ending: Ending,
}

/// Starts a transfer: reads the first piece, so that what is wrong from the start is told with a status of its own, and
/// a full pool refuses. Whatever goes wrong later cuts the connection.
pub async fn begin(
    state: Data<State>,
    storage: Storage,
    manifest: Arc<Manifest>,
    content: Content,
    subject: String,
) -> Result<impl Stream<Item = Result<Bytes, Problem>> + 'static, Problem> {
    let mut work = match content {
        Content::Part { form, first, end } => Work::Ranges(Ranges::new(Arc::clone(&manifest), form, first, end)),
        Content::Whole(kind) => Work::Packed(Box::new(Packed::new(Arc::clone(&manifest), kind))),
    };
    let compresses = matches!(work, Work::Packed(_));
    let storage = if compresses { storage.with_pool(&state.compression) } else { storage };
    let (work, first) = storage
        .run(move |root| {
            let first = work.fill(root, pace::SMALL);
            (work, first)
        })
        .await?;
    let first = match first {
        Ok(first) => first,
        Err(broken) => return Err(refused(&state, &manifest, broken).await),
    };
    let ending = Ending::new(state.reports.clone(), subject, Arc::clone(&manifest));
    let transfer = Transfer {
        state,
        storage,
        manifest,
        work: Some(work),
        first: Some(first),
        sent: 0,
        since: Instant::now(),
        ending,
    };
    Ok(stream::try_unfold(transfer, async |mut transfer| {
        let piece = transfer.next().await?;
        Ok(piece.map(|piece| (piece, transfer)))
    }))
}

impl Transfer {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let piece = match self.first.take() {
            Some(first) => first,
            None => self.read().await?,
        };
        if self.work.as_ref().is_some_and(Work::is_done) {
            self.ending.is(Outcome::Complete);
        }
        self.sent += piece.len() as u64;
        self.ending.sent(piece.len() as u64);
        Ok((!piece.is_empty()).then(|| piece.into()))
    }

    async fn read(&mut self) -> Result<Vec<u8>, Problem> {
        let Some(mut work) = self.work.take() else { return Ok(Vec::new()) };
        if work.is_done() {
            self.work = Some(work);
            return Ok(Vec::new());
        }
        let want = pace::piece(self.sent, self.since.elapsed(), self.state.reports.open());
        let read = self.storage.run_queued(move |root| {
            let piece = work.fill(root, want);
            (work, piece)
        });
        match read.await {
            Ok((work, Ok(piece))) => {
                self.work = Some(work);
                Ok(piece)
            }
            Ok((_, Err(broken))) => {
                self.ending.is(Outcome::Failed);
                Err(refused(&self.state, &self.manifest, broken).await)
            }
            Err(e) => {
                self.ending.is(Outcome::Failed);
                Err(e)
            }
        }
    }
}

/// Why the bytes cannot be given; what was frozen and is another file now is marked, so that nobody goes on with it.
pub async fn refused(state: &State, manifest: &Manifest, broken: Broken) -> Problem {
    let (member, differs) = match broken {
        Broken::Changed(member) => (member, None),
        Broken::Differs { member, crc } => (member, Some(crc)),
        Broken::Unreadable(member, e) => return error::not_available(manifest.sources[member].datafile, e),
        Broken::Unknown(member) => {
            return Problem::internal(format!("no checksum of member {member}"));
        }
    };
    let source = &manifest.sources[member];
    tracing::warn!(
        datafile.id = source.datafile,
        checksum.differs = differs.is_some(),
        "a file changed under a download"
    );
    let now = state.clock.now_micros();
    let noted = state.db.write(async |tx| {
        if let Some(id) = manifest.id {
            store::manifests::mark_stale(tx, id, source.datafile, now).await?;
        }
        // The next manifest must have the checksum that was found, not the one that was told.
        match differs {
            Some(crc) => {
                store::checksums::learn(tx, &state.config.storage, &source.location, &source.identity, crc).await
            }
            None => Ok(()),
        }
    });
    if let Err(e) = noted.await {
        return e.into();
    }
    if let Some(id) = manifest.id {
        state.manifests.forget(id);
    }
    if manifest.id.is_some() {
        return error::changed(source.datafile);
    }
    let text = format!("The file of Datafile[id:{}] changes at this moment; try again", source.datafile);
    Problem::new(Code::Unavailable, "download/changing", text).with_retry_after(2)
}
