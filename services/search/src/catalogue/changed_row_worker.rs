//! Reads rows again that have changed in the catalogue.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use service_kit::{Ctx, Db, Worker};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::error::FeedError;
use super::find_columns;
use super::reader::CatalogueReader;
use crate::changes::{ChangeQueue, IndexOwnership};
use crate::domain::change_request::{ParsedChanges, parse_modify};
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Plan, collect_set};
use crate::error::Error;
use crate::planner::Planner;
use crate::search_service::SearchService;
use crate::store::catalogue_scans::{ScanState, list_scans};
use crate::store::changed_rows::{ChangedRow, delete_changed_rows, list_changed_rows, record_changed_rows};

/// Rows that are read at once.
const ROWS_AT_ONCE: i64 = 1_000;
/// Datafiles of a moved dataset that are recorded in one transaction.
const RECORDED_AT_ONCE: usize = 10_000;
/// When the worker looks for rows that it was not told of, and after a failure.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Stores the present state of changed rows in the queue.
#[derive(Clone)]
pub struct ChangedRowWorker {
    db: Db,
    reader: CatalogueReader,
    changes: ChangeQueue,
    searches: Arc<SearchService>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    closing: CancellationToken,
    ownership: IndexOwnership,
}

impl ChangedRowWorker {
    pub fn new(
        ctx: &Ctx,
        reader: CatalogueReader,
        changes: ChangeQueue,
        searches: Arc<SearchService>,
        wake: Arc<Notify>,
        ownership: IndexOwnership,
    ) -> Self {
        Self {
            db: ctx.db.clone(),
            reader,
            changes,
            searches,
            wake,
            stop: ctx.stop.clone(),
            closing: ctx.closing.clone(),
            ownership,
        }
    }

    pub fn into_worker(self) -> Worker {
        let (stop, wake) = (self.stop.clone(), Arc::clone(&self.wake));
        Worker::periodic_with_wakeup("search-read-changed-rows", LOOK_AGAIN_AFTER, &stop, wake, move || {
            let worker = self.clone();
            async move {
                while !worker.stop.is_cancelled() {
                    match worker.read_changed_rows().await {
                        Ok(0) => break,
                        Ok(_) => {}
                        // A catalogue in the same process stops before the workers do.
                        Err(_) if worker.closing.is_cancelled() => break,
                        Err(e) => return Err(e),
                    }
                }
                Ok::<_, FeedError>(())
            }
        })
    }

    /// Reads some of the rows; returns how many.
    async fn read_changed_rows(&self) -> Result<usize, FeedError> {
        if !self.ownership.wait_until_owner(&self.stop).await {
            return Ok(0);
        }
        let rows = list_changed_rows(&mut self.db.read().await?, ROWS_AT_ONCE).await?;
        // A failure of one entity must not stop the others.
        let mut failure = None;
        for rows in rows.chunk_by(|one, other| one.entity == other.entity) {
            self.changes.wait_for_room().await?;
            failure = self.read_rows_of_entity(rows).await.err().or(failure);
        }
        failure.map_or(Ok(rows.len()), Err)
    }

    async fn read_rows_of_entity(&self, rows: &[ChangedRow]) -> Result<(), FeedError> {
        let Some(columns) = rows.first().and_then(|row| find_columns(&row.entity)) else {
            self.db.write(async |tx| delete_changed_rows(tx, rows).await).await?;
            return Ok(());
        };
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut documents = self.reader.read_rows(columns, &ids).await?;
        let datasets: Vec<(i64, Map<String, Value>)> = match columns.kind {
            EntityKind::Dataset => documents.clone().into_iter().collect(),
            _ => Vec::new(),
        };
        let operations = ids.iter().map(|id| match documents.remove(id) {
            Some(document) => json!({"update": {"_index": columns.entity.name, "_id": id, "doc": document}}),
            None => json!({"delete": {"_index": columns.entity.name, "_id": id}}),
        });
        let body = Value::Array(operations.collect()).to_string();
        let ParsedChanges { rejected, .. } = parse_modify(&body)?;
        if !datasets.is_empty() {
            self.record_outdated_files(datasets).await?;
        }
        Ok(self.changes.store_read_rows(&body, &rejected, rows).await?)
    }

    /// A datafile is indexed with the investigation and the sample of its dataset. If these are others now, it is read again.
    async fn record_outdated_files(&self, datasets: Vec<(i64, Map<String, Value>)>) -> Result<(), FeedError> {
        let scans = list_scans(&mut self.db.read().await?).await?;
        if scans.iter().any(|scan| scan.entity == "Datafile" && scan.state == ScanState::Running) {
            // Files that were read before the change may not be in the index yet.
            for (id, _) in &datasets {
                self.record_files_of_dataset(*id).await?;
            }
            return Ok(());
        }
        self.changes.wait_until_visible().await?;
        for (id, dataset) in datasets {
            let find = move |planner: &Planner<'_>| {
                let mut outdated = Vec::new();
                for relation in ["investigation", "sample"] {
                    let now = dataset.get(&format!("{relation}.id")).and_then(Value::as_i64);
                    outdated.extend(find_outdated_files(planner, id, relation, now)?);
                }
                Ok(outdated)
            };
            for ids in self.searches.run_without_limit(find).await?.chunks(RECORDED_AT_ONCE) {
                self.db.write(async |tx| record_changed_rows(tx, "Datafile", ids).await).await?;
            }
        }
        Ok(())
    }

    async fn record_files_of_dataset(&self, dataset: i64) -> Result<(), FeedError> {
        let mut after = 0;
        loop {
            let ids = self.reader.list_datafiles(dataset, after).await?;
            let Some(last) = ids.last() else { return Ok(()) };
            self.db.write(async |tx| record_changed_rows(tx, "Datafile", &ids).await).await?;
            after = *last;
        }
    }
}

/// The datafiles of a dataset that are indexed with another related row than `now`.
fn find_outdated_files(
    planner: &Planner<'_>,
    dataset: i64,
    relation: &'static str,
    now: Option<i64>,
) -> Result<Vec<i64>, Error> {
    let of_dataset = Plan::Related("dataset", collect_set([dataset]));
    let indexed = planner.snapshot.collect_pairs(EntityKind::Datafile, &of_dataset, relation, planner.deadline)?;
    let other = indexed.iter().filter(|(related, _)| Some(*related) != now).map(|(_, file)| *file);
    let mut outdated: Vec<i64> = other.collect();
    if now.is_some() {
        let mut without = (*planner.collect_ids(EntityKind::Datafile, &of_dataset, None)?).clone();
        for (_, file) in &indexed {
            without.remove(file.cast_unsigned());
        }
        outdated.extend(without.iter().map(u64::cast_signed));
    }
    Ok(outdated)
}
