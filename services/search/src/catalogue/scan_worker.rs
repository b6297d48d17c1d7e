//! Reads all rows of the catalogue, entity by entity, and goes on where it was after a restart.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Db, Worker};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::COLUMNS;
use super::columns::DocumentColumns;
use super::error::FeedError;
use super::reader::{CatalogueReader, DocumentPage};
use super::scan_metrics::ScanMetrics;
use crate::changes::{ChangeQueue, IndexOwnership, ScannedPage};
use crate::domain::change_request::{ParsedChanges, parse_documents};
use crate::store::catalogue_scans::{CatalogueScan, ScanState, list_scans};

/// Documents that are read at once.
const ROWS_PER_PAGE: u32 = 10_000;
/// When the worker looks for scans that it was not told of, and after a failure.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Runs the scans that are wanted.
#[derive(Clone)]
pub struct ScanWorker {
    db: Db,
    reader: CatalogueReader,
    changes: ChangeQueue,
    metrics: ScanMetrics,
    wake: Arc<Notify>,
    stop: CancellationToken,
    ownership: IndexOwnership,
}

impl ScanWorker {
    pub fn new(
        ctx: &Ctx,
        reader: CatalogueReader,
        changes: ChangeQueue,
        wake: Arc<Notify>,
        ownership: IndexOwnership,
    ) -> Self {
        let metrics = ScanMetrics::register(&ctx.process);
        Self { db: ctx.db.clone(), reader, changes, metrics, wake, stop: ctx.stop.clone(), ownership }
    }

    pub fn into_worker(self) -> Worker {
        let (stop, wake) = (self.stop.clone(), Arc::clone(&self.wake));
        Worker::periodic_with_wakeup("search-scan-catalogue", LOOK_AGAIN_AFTER, &stop, wake, move || {
            let worker = self.clone();
            async move { worker.run_wanted_scans().await }
        })
    }

    async fn run_wanted_scans(&self) -> Result<(), FeedError> {
        if !self.ownership.wait_until_owner(&self.stop).await {
            return Ok(());
        }
        let scans = self.report_scans().await?;
        for columns in COLUMNS.iter() {
            let Some(scan) = scans.iter().find(|scan| scan.entity == columns.entity.name) else { continue };
            match scan.state {
                ScanState::Done => {}
                ScanState::Running => self.run_scan(columns, scan).await?,
                ScanState::Wanted => {
                    let rows_expected = self.reader.count_rows(columns).await?;
                    let started = self.changes.start_scan(scan, rows_expected).await?;
                    // Otherwise an icat.server sends the rows.
                    if let Some(generation) = started {
                        let scan = CatalogueScan { generation, after_id: 0, ..scan.clone() };
                        self.run_scan(columns, &scan).await?;
                    }
                }
            }
            if self.stop.is_cancelled() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The scans, as the metrics show them now.
    async fn report_scans(&self) -> Result<Vec<CatalogueScan>, FeedError> {
        let scans = list_scans(&mut self.db.read().await?).await?;
        self.metrics.report_scans(&scans);
        Ok(scans)
    }

    /// Stores all pages after the last one that was stored. While one is stored, the next one is read.
    async fn run_scan(&self, columns: &DocumentColumns, scan: &CatalogueScan) -> Result<(), FeedError> {
        let mut page = self.reader.read_page(columns, scan.after_id, ROWS_PER_PAGE).await?;
        while let Some(found) = page {
            self.report_scans().await?;
            if self.stop.is_cancelled() {
                return Ok(());
            }
            let last_id = found.last_id;
            let store = self.store_page(columns, scan, found);
            let (next, goes_on) = tokio::join!(self.reader.read_page(columns, last_id, ROWS_PER_PAGE), store);
            if !goes_on? {
                return Ok(());
            }
            page = next?;
        }
        self.changes.finish_scan(columns.kind, scan).await?;
        self.report_scans().await?;
        Ok(())
    }

    async fn store_page(
        &self,
        columns: &DocumentColumns,
        scan: &CatalogueScan,
        page: DocumentPage,
    ) -> Result<bool, FeedError> {
        let DocumentPage { documents, last_id } = page;
        let rows = i64::try_from(documents.len()).unwrap_or(i64::MAX);
        let body = serde_json::Value::Array(documents).to_string();
        let ParsedChanges { rejected, .. } = parse_documents(columns.kind, &body)?;
        self.changes.wait_for_room().await?;
        Ok(self.changes.store_scanned_page(scan, &ScannedPage { body, rows, last_id, rejected }).await?)
    }
}
