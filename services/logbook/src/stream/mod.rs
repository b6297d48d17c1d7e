//! New records as they are written, for whoever listens to a logbook.
//!
//! One worker reads and renders each record once per logbook and filter, however many listen; who is slow or comes back
//! reads what they missed from the database. A record's number is given while the logbook's row is held, so that no reader
//! sees a number before the ones below it.

pub mod listener;
pub mod send_worker;
pub mod sse;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Bytes;
use service_kit::Problem;
use tokio::sync::{Notify, broadcast};

use crate::domain::filter::Filter;
use crate::domain::logbook::Book;
use crate::state::State;
use crate::store::logbooks;
pub use crate::stream::listener::Reader;
use crate::stream::sse::frames;

/// Frames that a listener may be behind before it has to read from the database.
const KEPT: usize = 256;

/// What somebody listens to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub book: Book,
    pub filter: Filter,
}

/// A record as it is sent.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Number of the record, or place in the feed of an instrument.
    pub n: i64,
    pub bytes: Bytes,
}

struct Topic {
    frames: broadcast::Sender<Frame>,
    /// The last that was sent.
    sent: AtomicI64,
}

/// All that is listened to in this process.
#[derive(Default)]
pub struct Live {
    topics: Mutex<HashMap<Key, Arc<Topic>>>,
    /// Something may have been written.
    pub wake: Arc<Notify>,
}

/// How far a logbook is: for an instrument its feed, in which the records of its investigations are as well.
pub async fn head(state: &State, book: &Book) -> Result<i64, Problem> {
    let heads = logbooks::heads(&mut state.db.read().await?, &[book.name()]).await?;
    Ok(heads.get(&book.name()).map_or(0, |head| place(book, *head)))
}

fn place(book: &Book, (records, fed): (i64, i64)) -> i64 {
    if matches!(book, Book::Instrument(_)) { fed } else { records }
}

impl Live {
    /// From now on; what was sent before the answer has to be read from the database.
    async fn subscribe(&self, state: &State, key: &Key) -> Result<broadcast::Receiver<Frame>, Problem> {
        let known = |topics: &HashMap<Key, Arc<Topic>>| topics.get(key).map(|topic| topic.frames.subscribe());
        if let Some(receiver) = known(&self.lock()) {
            return Ok(receiver);
        }
        // Before the topic is there, so that the worker sends everything after it.
        let sent = head(state, &key.book).await?;
        let mut topics = self.lock();
        let topic = topics
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Topic { frames: broadcast::Sender::new(KEPT), sent: AtomicI64::new(sent) }));
        Ok(topic.frames.subscribe())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Topic>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is listened to; what nobody listens to any more is forgotten.
    fn listened(&self) -> Vec<(Key, Arc<Topic>)> {
        let mut topics = self.lock();
        topics.retain(|_, topic| topic.frames.receiver_count() > 0);
        topics.iter().map(|(key, topic)| (key.clone(), Arc::clone(topic))).collect()
    }
}

/// Sends everything that has been written since the last time.
pub async fn send_all(state: &State) -> Result<(), Problem> {
    let listened = state.live.listened();
    if listened.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = listened.iter().map(|(key, _)| key.book.name()).collect();
    let heads = logbooks::heads(&mut state.db.read().await?, &names).await?;
    for (key, topic) in listened {
        let head = heads.get(&key.book.name()).map_or(0, |head| place(&key.book, *head));
        // The others have theirs all the same.
        if let Err(e) = send(state, &key, &topic, head).await {
            tracing::warn!(logbook.book = key.book.name(), error = %e, "those who listen have to wait");
        }
    }
    Ok(())
}

async fn send(state: &State, key: &Key, topic: &Topic, head: i64) -> Result<(), Problem> {
    while topic.sent.load(Ordering::Relaxed) < head {
        let new = frames(state, key, topic.sent.load(Ordering::Relaxed)).await?;
        let Some(last) = new.last().map(|frame| frame.n) else { break };
        for frame in new {
            // Nobody listens any more: the topic goes the next time.
            let _gone = topic.frames.send(frame);
        }
        topic.sent.store(last, Ordering::Relaxed);
    }
    Ok(())
}
