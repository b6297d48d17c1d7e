//! New records as they are written, for those who listen to a logbook.
//!
//! One worker reads and renders each record once per logbook and filter, however many listen; a listener that is slow or comes
//! back reads what it missed from the database. A record's number is given while the logbook's row is locked, so that no reader
//! sees a number before the ones below it.

pub mod listener;
pub mod send_worker;
pub mod sse;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Bytes;
use service_kit::{Db, Problem};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::catalogue::permissions::Permissions;
use crate::domain::filter::Filter;
use crate::domain::logbook::Logbook;
use crate::entries::EntryRenderer;
use crate::store::logbooks;

/// Events that a listener may be behind before it has to read from the database.
const BUFFERED_EVENTS: usize = 256;

/// What somebody listens to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    pub logbook: Logbook,
    pub filter: Filter,
}

/// A record as it is sent.
#[derive(Debug, Clone)]
pub struct SseEvent {
    /// Number of the record, or position in the feed of an instrument.
    pub id: i64,
    pub bytes: Bytes,
}

struct Channel {
    events: broadcast::Sender<SseEvent>,
    /// The last id that was sent.
    sent: AtomicI64,
}

/// The streams of all logbooks to which somebody listens in this process.
pub struct EntryStreams {
    db: Db,
    permissions: Arc<Permissions>,
    renderer: Arc<EntryRenderer>,
    /// Streams end when this is cancelled.
    closing: CancellationToken,
    channels: Mutex<HashMap<Topic, Arc<Channel>>>,
    /// Something may have been written.
    wake: Arc<Notify>,
}

impl EntryStreams {
    pub fn new(
        db: Db,
        permissions: Arc<Permissions>,
        renderer: Arc<EntryRenderer>,
        closing: CancellationToken,
        wake: Arc<Notify>,
    ) -> Self {
        Self { db, permissions, renderer, closing, channels: Mutex::default(), wake }
    }

    /// How far a logbook is: for an instrument its feed, in which the records of its investigations are as well.
    pub async fn find_head(&self, logbook: &Logbook) -> Result<i64, Problem> {
        let heads = logbooks::list_heads(&mut self.db.read().await?, &[logbook.name()]).await?;
        Ok(heads.get(&logbook.name()).map_or(0, |head| to_position(logbook, *head)))
    }

    /// From now on; what was sent before this returns has to be read from the database.
    async fn subscribe(&self, topic: &Topic) -> Result<broadcast::Receiver<SseEvent>, Problem> {
        let existing =
            |channels: &HashMap<Topic, Arc<Channel>>| channels.get(topic).map(|channel| channel.events.subscribe());
        if let Some(receiver) = existing(&self.lock_channels()) {
            return Ok(receiver);
        }
        // Before the channel is there, so that the worker sends everything after it.
        let sent = self.find_head(&topic.logbook).await?;
        let mut channels = self.lock_channels();
        let channel = channels.entry(topic.clone()).or_insert_with(|| {
            Arc::new(Channel { events: broadcast::Sender::new(BUFFERED_EVENTS), sent: AtomicI64::new(sent) })
        });
        Ok(channel.events.subscribe())
    }

    fn lock_channels(&self) -> std::sync::MutexGuard<'_, HashMap<Topic, Arc<Channel>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channels to which somebody listens; the others are dropped.
    fn list_channels(&self) -> Vec<(Topic, Arc<Channel>)> {
        let mut channels = self.lock_channels();
        channels.retain(|_, channel| channel.events.receiver_count() > 0);
        channels.iter().map(|(topic, channel)| (topic.clone(), Arc::clone(channel))).collect()
    }

    /// Sends everything that has been written since the last time.
    async fn send_new_records(&self) -> Result<(), Problem> {
        let channels = self.list_channels();
        if channels.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = channels.iter().map(|(topic, _)| topic.logbook.name()).collect();
        let heads = logbooks::list_heads(&mut self.db.read().await?, &names).await?;
        for (topic, channel) in channels {
            let head = heads.get(&topic.logbook.name()).map_or(0, |head| to_position(&topic.logbook, *head));
            // The other channels are not affected.
            if let Err(e) = self.send_to_channel(&topic, &channel, head).await {
                tracing::warn!(logbook.book = topic.logbook.name(), error = %e, "records could not be sent to listeners");
            }
        }
        Ok(())
    }

    async fn send_to_channel(&self, topic: &Topic, channel: &Channel, head: i64) -> Result<(), Problem> {
        while channel.sent.load(Ordering::Relaxed) < head {
            let new = self.read_events(topic, channel.sent.load(Ordering::Relaxed)).await?;
            let Some(last) = new.last().map(|event| event.id) else { break };
            for event in new {
                // Nobody listens any more: the channel goes the next time.
                let _gone = channel.events.send(event);
            }
            channel.sent.store(last, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn to_position(logbook: &Logbook, (records, fed): (i64, i64)) -> i64 {
    if matches!(logbook, Logbook::Instrument(_)) { fed } else { records }
}
