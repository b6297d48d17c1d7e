//! Parses a dump on a thread of its own, beside the thread that stores its records.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::{Dump, ImportError, Record};

/// Records that are stored together.
const RECORDS_PER_BATCH: usize = 1_000;
/// A batch with so many rows, parts included, is complete.
const ROWS_PER_BATCH: usize = 5_000;
/// Batches that wait to be stored.
const WAITING_BATCHES: usize = 2;

/// Records of one entity type, as they follow one another in a dump.
pub struct Batch {
    pub records: Vec<Record>,
    /// Bytes of the dump that have been read.
    pub position: u64,
}

/// The batches of a dump.
pub struct Batches(mpsc::Receiver<Message>);

/// The last message is the end or an error.
enum Message {
    Batch(Batch),
    End(Result<(), ImportError>),
}

impl Batches {
    /// Starts to parse. The parser stops when the batches are dropped.
    pub fn start(dump: Dump) -> Self {
        let (sender, batches) = mpsc::channel(WAITING_BATCHES);
        std::thread::spawn(move || {
            let parsed = send_batches(&dump, &sender);
            // Nobody receives it if the import has failed.
            sender.blocking_send(Message::End(parsed)).unwrap_or_default();
        });
        Self(batches)
    }

    /// `None` at the end of a valid dump.
    pub async fn next_batch(&mut self) -> Result<Option<Batch>, ImportError> {
        match self.0.recv().await {
            Some(Message::Batch(batch)) => Ok(Some(batch)),
            Some(Message::End(parsed)) => parsed.map(|()| None),
            None => Err(ImportError::Format("the parser has ended before the end of the dump".to_owned())),
        }
    }

    /// Reads the rest, to find out whether it is valid.
    pub async fn check_rest(&mut self) -> Result<(), ImportError> {
        while self.next_batch().await?.is_some() {}
        Ok(())
    }
}

fn send_batches(dump: &Dump, sender: &mpsc::Sender<Message>) -> Result<(), ImportError> {
    let position = Arc::new(AtomicU64::new(0));
    let (mut waiting, mut rows) = (Vec::new(), 0);
    let send = |records: Vec<Record>| {
        let batch = Batch { records, position: position.load(Ordering::Relaxed) };
        sender.blocking_send(Message::Batch(batch)).is_ok()
    };
    dump.read_records(&position, &mut |record: Record| {
        let is_other = waiting.last().is_some_and(|last: &Record| last.entity != record.entity);
        if (is_other || waiting.len() >= RECORDS_PER_BATCH || rows >= ROWS_PER_BATCH)
            && !send(std::mem::take(&mut waiting))
        {
            return false;
        }
        rows = if waiting.is_empty() { 0 } else { rows } + record.count_rows();
        waiting.push(record);
        true
    })?;
    if !waiting.is_empty() {
        send(waiting);
    }
    Ok(())
}
