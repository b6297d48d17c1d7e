//! Transactions of a `SQLite` file that are committed together.
//!
//! `SQLite` lets one transaction write at a time, and each commit waits for the disk. So a transaction that ends while others
//! wait leaves its changes uncommitted, the next ones continue within savepoints, and one commit stores them all. Each is
//! acknowledged after that commit. A transaction that fails is undone by itself; its error is returned after the transactions
//! that it has seen are committed. If the commit fails or the connection breaks, the whole group is undone, and its
//! transactions are run again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::DbError;
use crate::session::Session;

/// Maximum number of transactions per commit; the first of them waits for all.
const MAX_MEMBERS: usize = 64;

/// The right to write, with the open transaction that earlier writers have left uncommitted.
pub(crate) type WriteLock = OwnedMutexGuard<Option<OpenGroup>>;

/// An open transaction with the changes of transactions that have ended.
pub(crate) struct OpenGroup {
    pub session: Session,
    pub members: Members,
}

/// The writers in the order of their arrival. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct WriteQueue {
    lock: Arc<Mutex<Option<OpenGroup>>>,
    waiting: Arc<AtomicUsize>,
}

impl WriteQueue {
    /// Waits until this writer is next.
    pub async fn lock_writer(&self) -> WriteLock {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        Arc::clone(&self.lock).lock_owned().await
    }

    /// Commits the open group after the writers that wait now.
    #[expect(clippy::disallowed_methods, reason = "one statement, which its connection bounds")]
    pub fn commit_later(&self) {
        let lock = Arc::clone(&self.lock);
        tokio::spawn(async move { commit_open_group(lock.lock_owned().await).await });
    }

    /// The same; what earlier writers have left is committed before.
    #[expect(clippy::disallowed_methods, reason = "one statement, which its connection bounds")]
    pub async fn lock_writer_after_commit(&self) -> WriteLock {
        loop {
            let lock = self.lock_writer().await;
            if lock.is_none() {
                return lock;
            }
            // In a task of its own, so that it is not given up half-way.
            if let Ok(lock) = tokio::spawn(commit_open_group(lock)).await {
                return lock;
            }
        }
    }

    pub fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// Commits what earlier writers have left.
async fn commit_open_group(mut lock: WriteLock) -> WriteLock {
    if let Some(OpenGroup { session, members }) = lock.take()
        && let Err(e) = session.commit_group(members).await
    {
        tracing::debug!(error = %e, "the commit of several transactions failed; they are run again");
    }
    lock
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The part of one transaction in a group.
pub(crate) struct Membership {
    pub queue: WriteQueue,
    pub lock: WriteLock,
    /// Transactions that have ended and wait for the commit. If there are none, this one has no savepoint.
    pub earlier: Members,
    /// The transaction does not share its commit.
    pub is_alone: bool,
}

impl Membership {
    /// Whether the transaction must be committed now: nobody would continue in it, or too many wait for the commit.
    pub fn ends_group(&self) -> bool {
        self.is_alone || !self.queue.has_waiting() || self.earlier.waiting.len() + 1 >= MAX_MEMBERS
    }
}

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupOutcome {
    Stored,
    Undone,
    /// The disk failed during the commit.
    Unknown,
}

impl GroupOutcome {
    pub fn from_commit(outcome: &Result<(), DbError>) -> Self {
        match outcome {
            Ok(()) => Self::Stored,
            Err(DbError::CommitUnknown(_)) => Self::Unknown,
            Err(_) => Self::Undone,
        }
    }

    /// What a transaction of the group returns.
    pub fn into_result(self) -> Result<(), DbError> {
        match self {
            Self::Stored => Ok(()),
            Self::Undone => Err(Self::undone_error()),
            Self::Unknown => Err(DbError::CommitUnknown(describe_failure("the commit of several transactions failed"))),
        }
    }

    /// The error after which a transaction is run again.
    pub fn undone_error() -> DbError {
        DbError::Conflict(describe_failure("several transactions of one commit were undone"))
    }
}

fn describe_failure(text: &str) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(text.to_owned()))
}

/// Transactions that wait for the commit of their group. If this is dropped before the commit has begun, the group is undone.
#[derive(Default)]
pub(crate) struct Members {
    waiting: Vec<oneshot::Sender<GroupOutcome>>,
    is_commit_running: bool,
}

impl Members {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a transaction, which receives what became of the group.
    pub fn add_member(&mut self) -> oneshot::Receiver<GroupOutcome> {
        let (member, outcome) = oneshot::channel();
        self.waiting.push(member);
        outcome
    }

    /// From here on nobody knows what is stored, until [`notify_members`](Self::notify_members).
    pub fn mark_commit_started(&mut self) {
        self.is_commit_running = true;
    }

    pub fn notify_members(&mut self, outcome: GroupOutcome) {
        for member in self.waiting.drain(..) {
            // A receiver that is gone belongs to a cancelled request.
            let _cancelled = member.send(outcome);
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.notify_members(if self.is_commit_running { GroupOutcome::Unknown } else { GroupOutcome::Undone });
    }
}
