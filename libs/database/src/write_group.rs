//! Transactions of a `SQLite` file that are committed together.
//!
//! `SQLite` lets one transaction write at a time, and each commit waits for the disk. So a transaction that ends while others
//! wait leaves its changes uncommitted, the next ones continue within savepoints, and one commit stores them all. Each is
//! acknowledged after that commit. A transaction that fails is undone by itself, and says so after the commit of what it has
//! seen. If the commit fails or the connection breaks, the whole group is undone, and those who had ended run again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::DbError;
use crate::session::Session;

/// So many transactions are stored by one commit at most: the first of them waits for all.
const MAX_MEMBERS: usize = 64;

/// The right to write. Holds the open transaction of the group that whoever had it before has left.
pub(crate) type Turn = OwnedMutexGuard<Option<OpenGroup>>;

/// An open transaction with the changes of those who have ended.
pub(crate) struct OpenGroup {
    pub session: Session,
    pub members: Members,
}

/// Those who want to write, in the order of their arrival. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct WriteQueue {
    turn: Arc<Mutex<Option<OpenGroup>>>,
    waiting: Arc<AtomicUsize>,
}

impl WriteQueue {
    /// Waits for the turn.
    pub async fn wait_for_turn(&self) -> Turn {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Commits the group that is open when all have had their turn who wait now.
    #[expect(clippy::disallowed_methods, reason = "one statement, which its connection bounds")]
    pub fn commit_later(&self) {
        let turn = Arc::clone(&self.turn);
        tokio::spawn(async move { commit_open_group(turn.lock_owned().await).await });
    }

    /// Waits for the turn until nothing is left uncommitted.
    #[expect(clippy::disallowed_methods, reason = "one statement, which its connection bounds")]
    pub async fn wait_for_turn_alone(&self) -> Turn {
        loop {
            let turn = self.wait_for_turn().await;
            if turn.is_none() {
                return turn;
            }
            // In a task of its own, so that it is not given up half-way.
            if let Ok(turn) = tokio::spawn(commit_open_group(turn)).await {
                return turn;
            }
        }
    }

    fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// Commits what is left uncommitted, and tells its members.
async fn commit_open_group(mut turn: Turn) -> Turn {
    if let Some(OpenGroup { session, members }) = turn.take()
        && let Err(e) = session.commit_group(members).await
    {
        tracing::debug!(error = %e, "the common commit of several transactions failed; those who have not heard why try again");
    }
    turn
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
    pub turn: Turn,
    /// Those who have ended and wait for the commit. If there are none, the transaction has no savepoint.
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
pub(crate) enum Fate {
    Stored,
    Undone,
    /// The disk failed during the commit.
    Unknown,
}

impl Fate {
    pub fn from_commit(outcome: &Result<(), DbError>) -> Self {
        match outcome {
            Ok(()) => Self::Stored,
            Err(DbError::CommitUnknown(_)) => Self::Unknown,
            Err(_) => Self::Undone,
        }
    }

    /// What a member is told.
    pub fn into_result(self) -> Result<(), DbError> {
        let because = |text: &str| sqlx::Error::Io(std::io::Error::other(text.to_owned()));
        match self {
            Self::Stored => Ok(()),
            Self::Undone => Err(DbError::Conflict(because("the common commit of several transactions was undone"))),
            Self::Unknown => Err(DbError::CommitUnknown(because("the common commit of several transactions failed"))),
        }
    }
}

/// Those who wait for the commit of a group. They are told that it was undone if they are dropped before it has begun.
#[derive(Default)]
pub(crate) struct Members {
    waiting: Vec<oneshot::Sender<Fate>>,
    is_commit_running: bool,
}

impl Members {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds one, who hears what became of the group.
    pub fn add_member(&mut self) -> oneshot::Receiver<Fate> {
        let (member, fate) = oneshot::channel();
        self.waiting.push(member);
        fate
    }

    /// From here on nobody knows what is stored, until [`tell_members`](Self::tell_members).
    pub fn expect_commit(&mut self) {
        self.is_commit_running = true;
    }

    pub fn tell_members(&mut self, fate: Fate) {
        for member in self.waiting.drain(..) {
            // Whoever does not wait any more does not want to know.
            let _gone = member.send(fate);
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.tell_members(if self.is_commit_running { Fate::Unknown } else { Fate::Undone });
    }
}
