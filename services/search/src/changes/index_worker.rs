//! The worker that writes the index.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use service_kit::problem::format_error_chain;
use service_kit::{Blocking, Clock, Ctx, Db, DbError, Ids, Lease, Leases, Problem, Tx, Worker};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::batch_changes::parse_batch;
use super::index_ownership::IndexOwnership;
use super::queue::ChangeQueue;
use crate::domain::entity::EntityKind;
use crate::domain::paths::PathRules;
use crate::error::Error;
use crate::index::error::IndexError;
use crate::index::index_writer::{IndexWriter, OpenedIndex};
use crate::index::{IndexIdentity, IndexLocation, OpenSearchIndex, SharedSnapshot, find_database};
use crate::index_progress::IndexProgress;
use crate::store::catalogue_scans::request_known_scans;
use crate::store::change_batches::{self, ChangeBatch};
use crate::store::entity_generations::{list_generations, set_generation};
use crate::store::index_identity::{find_identity, set_identity};
use crate::store::rejected_documents::create_rejected_documents;

/// Batches that are read at once; each may have many megabytes.
const BATCHES_AT_ONCE: usize = 4;
/// When the worker looks for batches that it was not told of.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Only one process writes an index in a cluster.
const LEASE: &str = "search.index";
const LEASE_TIME: Duration = Duration::from_secs(10);
const RENEW_AFTER: Duration = Duration::from_secs(3);

/// How the index is written.
pub struct IndexSettings {
    pub rules: PathRules,
    pub commit_interval: Duration,
    pub progress: IndexProgress,
}

/// Applies changes to the index and commits it.
#[derive(Clone)]
pub struct IndexWorker {
    db: Db,
    clock: Arc<dyn Clock>,
    queue: ChangeQueue,
    snapshot: SharedSnapshot,
    pool: Blocking,
    stop: CancellationToken,
    leases: Leases,
    ownership: IndexOwnership,
    location: IndexLocation,
    rules: PathRules,
    commit_interval: Duration,
    ids: Arc<dyn Ids>,
    progress: IndexProgress,
}

impl IndexWorker {
    pub fn new(
        ctx: &Ctx,
        queue: ChangeQueue,
        snapshot: SharedSnapshot,
        location: IndexLocation,
        ownership: IndexOwnership,
        settings: IndexSettings,
    ) -> Self {
        let IndexSettings { rules, commit_interval, progress } = settings;
        let pool = ctx.pools.open("search.index", 1, 1);
        let (db, stop, ids) = (ctx.db.clone(), ctx.stop.clone(), Arc::clone(&ctx.ids));
        let clock = Arc::clone(&ctx.clock);
        let leases = ctx.leases.clone();
        Self {
            db,
            clock,
            queue,
            snapshot,
            pool,
            stop,
            leases,
            ownership,
            location,
            rules,
            commit_interval,
            ids,
            progress,
        }
    }

    /// If the index fails, for example because the disk is full, the worker is started again and opens the index as it was at
    /// the last commit.
    pub fn into_worker(self) -> Worker {
        Worker::new("search-index", move || {
            let worker = self.clone();
            async move {
                let outcome = worker.run().await;
                worker.ownership.set_owner(false);
                if let Err(e) = outcome {
                    tracing::error!(
                        error = format_error_chain(&e),
                        "the search index cannot be written; it is opened again"
                    );
                }
            }
        })
    }

    async fn run(&self) -> Result<(), Problem> {
        match &self.location {
            // Its directory has a lock.
            IndexLocation::Directory(_) => self.write_index(None).await,
            IndexLocation::OpenSearch(index) => self.write_or_follow_index(index).await,
        }
    }

    /// Writes the index while no other process does, and shows what the other one writes meanwhile.
    async fn write_or_follow_index(&self, index: &Arc<OpenSearchIndex>) -> Result<(), Problem> {
        let connected = Arc::clone(index);
        self.pool.run(move || connected.connect()).await??;
        let mut tried: Option<Instant> = None;
        let mut shown: Option<ShownIndex> = None;
        while !self.stop.is_cancelled() {
            if tried.is_none_or(|tried| tried.elapsed() >= RENEW_AFTER) {
                tried = Some(Instant::now());
                let writable_until = std::time::Instant::now() + LEASE_TIME;
                if let Some(lease) = self.leases.acquire(LEASE, LEASE_TIME).await? {
                    index.allow_writes_until(Some(writable_until));
                    let outcome = tokio::select! {
                        outcome = self.write_cluster(index, &lease) => outcome,
                        outcome = self.keep_lease(index, &lease) => outcome,
                    };
                    self.ownership.set_owner(false);
                    index.allow_writes_until(None);
                    self.leases.release(&lease).await?;
                    outcome?;
                    shown = None;
                    continue;
                }
            }
            shown = self.follow_index(index, shown).await?;
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(self.commit_interval) => {}
            }
        }
        Ok(())
    }

    /// Returns when another process has the lease.
    async fn keep_lease(&self, index: &OpenSearchIndex, lease: &Lease) -> Result<(), Problem> {
        loop {
            sleep(RENEW_AFTER).await;
            let renewed = std::time::Instant::now();
            if !self.leases.renew(lease, LEASE_TIME).await? {
                return Ok(());
            }
            index.allow_writes_until(Some(renewed + LEASE_TIME));
        }
    }

    /// Shows what another process has committed; returns what is shown now.
    async fn follow_index(
        &self,
        index: &Arc<OpenSearchIndex>,
        shown: Option<ShownIndex>,
    ) -> Result<Option<ShownIndex>, Problem> {
        let mut tx = self.db.read().await?;
        let Some(identity) = find_identity(&mut tx).await? else { return Ok(shown) };
        // The rows of batches that are no longer stored were written before.
        let is_complete = self.progress.is_complete(&mut tx, &[]).await?;
        drop(tx);
        let (asked, wanted) = (Arc::clone(index), identity.clone());
        let refreshes = self.pool.run(move || asked.count_refreshes(&wanted)).await??;
        let current = refreshes.map(|refreshes| ShownIndex { identity, refreshes, is_complete });
        if let Some(ShownIndex { identity, refreshes, .. }) = &current
            && current != shown
        {
            index.set_commits(*refreshes);
            self.snapshot.publish_view(index.open_view(identity), is_complete);
        }
        // Whoever waits for a commit looks whether it has happened.
        self.queue.commits.send_modify(|count| *count += 1);
        Ok(current)
    }

    /// Creates the indices if they are not there, and writes them. The database knows of them before, so that whoever goes on
    /// after a crash knows them, too, and fills them.
    async fn write_cluster(&self, index: &Arc<OpenSearchIndex>, lease: &Lease) -> Result<(), Problem> {
        let known = find_identity(&mut self.db.read().await?).await?;
        let next_batch = self.db.write(async |tx| tx.allocate_ids(1).await).await?;
        let next_batch = next_batch.first().copied().unwrap_or_default();
        let (asked, wanted) = (Arc::clone(index), known.clone());
        if !self.pool.run(move || asked.is_ready(wanted.as_deref(), next_batch)).await?? {
            let new = self.ids.random_uuid().to_string();
            let database = known.as_deref().map(|known| find_database(known).to_owned());
            let identity = format!("{}.{new}", database.unwrap_or_else(|| self.ids.random_uuid().to_string()));
            self.db
                .write(async |tx| {
                    require_lease(tx, Some(lease)).await?;
                    request_known_scans(tx).await?;
                    Ok::<_, Error>(set_identity(tx, &identity).await?)
                })
                .await?;
            let created = Arc::clone(index);
            self.pool.run(move || created.create_indices(&identity)).await??;
        }
        self.write_index(Some(lease)).await
    }

    /// Applies changes until the process stops.
    async fn write_index(&self, lease: Option<&Lease>) -> Result<(), Problem> {
        let opened = OpenedIndex {
            rules: self.rules.clone(),
            generations: self.list_generations().await?,
            known_identity: find_identity(&mut self.db.read().await?).await?,
            new_identity: self.ids.random_uuid().to_string(),
        };
        let location = self.location.clone();
        let mut index = self.pool.run(move || location.open_writer(opened)).await??;
        self.claim_changes(index.identity().clone()).await?;
        index = self.publish_index(index, &[]).await?;
        self.ownership.set_owner(true);
        let mut applied: Vec<i64> = Vec::new();
        let mut commit_at: Option<Instant> = None;
        loop {
            if self.stop.is_cancelled() {
                return self.commit(index, &mut applied, lease).await.map(drop);
            }
            let batches = change_batches::list_batches(&mut self.db.read().await?, &applied, BATCHES_AT_ONCE).await?;
            let is_idle = batches.is_empty();
            if !is_idle {
                applied.extend(batches.iter().map(|batch| batch.id));
                index = self.apply_batches(index, batches).await?;
                commit_at = commit_at.or_else(|| Some(Instant::now() + self.commit_interval));
            }
            let is_wanted = is_idle && self.queue.is_commit_wanted.swap(false, Ordering::AcqRel);
            if commit_at.is_some_and(|at| is_wanted || Instant::now() >= at) {
                index = self.commit(index, &mut applied, lease).await?;
                commit_at = None;
                continue;
            }
            if is_wanted {
                // Nothing to commit: whoever waits looks again.
                self.queue.commits.send_modify(|count| *count += 1);
            }
            if is_idle {
                if commit_at.is_none() && !self.snapshot.is_complete() && self.is_complete(&[]).await? {
                    index = self.publish_index(index, &[]).await?;
                }
                let commit = async {
                    match commit_at {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = self.stop.cancelled() => return self.commit(index, &mut applied, lease).await.map(drop),
                    () = self.queue.wake.notified() => {}
                    () = commit => {}
                    // Another process may have stored a batch.
                    () = sleep(LOOK_AGAIN_AFTER) => {}
                }
            }
        }
    }

    /// The changes of a database belong to one index. A new index takes them over, because the old one was deleted or is on
    /// another machine; any other is refused.
    async fn claim_changes(&self, identity: IndexIdentity) -> Result<(), Error> {
        self.db
            .write(async |tx| {
                if identity.is_new {
                    request_known_scans(tx).await?;
                }
                if identity.is_new || find_identity(tx).await?.is_none() {
                    set_identity(tx, &identity.text).await?;
                }
                require_identity(tx, &identity.text).await
            })
            .await
    }

    async fn list_generations(&self) -> Result<HashMap<EntityKind, i64>, DbError> {
        let stored = list_generations(&mut self.db.read().await?).await?;
        Ok(stored.into_iter().filter_map(|(name, generation)| Some((name.parse().ok()?, generation))).collect())
    }

    async fn apply_batches(
        &self,
        mut index: Box<dyn IndexWriter>,
        batches: Vec<ChangeBatch>,
    ) -> Result<Box<dyn IndexWriter>, Problem> {
        let applied = self.queue.metrics.applied_changes.clone();
        let apply = move || {
            for batch in &batches {
                let changes = parse_batch(batch);
                let count = changes.len();
                index.apply_changes(batch.id, changes)?;
                applied.inc_by(count as u64);
            }
            Ok::<_, IndexError>(index)
        };
        Ok(self.pool.run(apply).await??)
    }

    /// Shows the index as it was committed, with these batches.
    async fn publish_index(
        &self,
        index: Box<dyn IndexWriter>,
        applied: &[i64],
    ) -> Result<Box<dyn IndexWriter>, DbError> {
        let is_complete = self.is_complete(applied).await?;
        self.snapshot.publish_view(index.open_view(), is_complete);
        Ok(index)
    }

    async fn is_complete(&self, applied: &[i64]) -> Result<bool, DbError> {
        self.progress.is_complete(&mut self.db.read().await?, applied).await
    }

    async fn commit(
        &self,
        mut index: Box<dyn IndexWriter>,
        applied: &mut Vec<i64>,
        lease: Option<&Lease>,
    ) -> Result<Box<dyn IndexWriter>, Problem> {
        let identity = index.identity().text.clone();
        // A process with a new index may have taken over the changes: what is not committed here is in that one.
        require_identity(&mut self.db.read().await?, &identity).await?;
        let commit = move || index.commit().map(|()| index);
        let mut index = self.pool.run(commit).await??;
        index = self.publish_index(index, applied).await?;
        let (ids, generations) = (std::mem::take(applied), index.take_new_generations());
        let refused = index.take_refused_rows();
        let now = self.clock.now_micros();
        self.db
            .write(async |tx| {
                require_lease(tx, lease).await?;
                require_identity(tx, &identity).await?;
                for (entity, generation) in &generations {
                    set_generation(tx, &entity.to_string(), *generation).await?;
                }
                create_rejected_documents(tx, &refused, now).await?;
                change_batches::delete_batches(tx, &ids).await?;
                Ok::<_, Error>(())
            })
            .await?;
        let waiting = change_batches::count_batches(&mut self.db.read().await?).await?;
        self.queue.metrics.waiting_batches.set(waiting);
        self.queue.commits.send_modify(|count| *count += 1);
        Ok(index)
    }
}

/// What a process shows that does not write the index.
#[derive(Debug, PartialEq, Eq)]
struct ShownIndex {
    identity: String,
    refreshes: u64,
    is_complete: bool,
}

async fn require_lease(tx: &mut Tx, lease: Option<&Lease>) -> Result<(), Error> {
    match lease {
        Some(lease) if !lease.is_held(tx).await? => Err(Error::LeaseLost),
        _ => Ok(()),
    }
}

async fn require_identity(tx: &mut Tx, identity: &str) -> Result<(), Error> {
    let known = find_identity(tx).await?;
    if known.as_deref() == Some(identity) { Ok(()) } else { Err(Error::OtherIndex) }
}
