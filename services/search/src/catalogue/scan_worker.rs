//! Reads all rows of the catalogue, entity by entity, and goes on where it was after a restart.

use std::collections::VecDeque;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use icat_client::IcatError;
use service_kit::{Ctx, Db, Problem, Worker};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
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
/// Ranges that are read at once: one is computed by the catalogue while another one is sent.
const RANGES_AT_ONCE: usize = 3;
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
    closing: CancellationToken,
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
        Self {
            db: ctx.db.clone(),
            reader,
            changes,
            metrics,
            wake,
            stop: ctx.stop.clone(),
            closing: ctx.closing.clone(),
            ownership,
        }
    }

    pub fn into_worker(self) -> Worker {
        let (stop, wake) = (self.stop.clone(), Arc::clone(&self.wake));
        Worker::periodic_with_wakeup("search-scan-catalogue", LOOK_AGAIN_AFTER, &stop, wake, move || {
            let worker = self.clone();
            async move {
                let outcome = worker.run_wanted_scans().await;
                // A catalogue in the same process stops before the workers do.
                if worker.closing.is_cancelled() { Ok(()) } else { outcome }
            }
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
                        let scan =
                            CatalogueScan { generation, after_id: 0, rows_expected, rows_read: 0, ..scan.clone() };
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

    /// Stores all pages after the last one that was stored.
    async fn run_scan(&self, columns: &'static DocumentColumns, scan: &CatalogueScan) -> Result<(), FeedError> {
        let (pages, read) = mpsc::channel(1);
        let (was_read, is_complete) =
            tokio::join!(self.read_pages(columns, scan, pages), self.store_pages(columns, scan, read));
        if is_complete? {
            was_read?;
            self.changes.finish_scan(columns.kind, scan).await?;
            self.report_scans().await?;
        }
        Ok(())
    }

    /// Reads several ranges of ids at once, and sends their pages in the order of the ids, until nobody wants them.
    async fn read_pages(
        &self,
        columns: &'static DocumentColumns,
        scan: &CatalogueScan,
        pages: mpsc::Sender<DocumentPage>,
    ) -> Result<(), FeedError> {
        let last_id = self.reader.find_last_id(columns).await?;
        // What is created meanwhile comes last.
        let end = [(last_id.max(scan.after_id), i64::MAX)];
        let mut ranges = split_ids(scan.after_id, last_id, scan.rows_expected - scan.rows_read).chain(end);
        // They end with this function.
        let mut tasks = JoinSet::new();
        let mut reading = VecDeque::new();
        loop {
            while reading.len() < RANGES_AT_ONCE
                && let Some(range) = ranges.next()
            {
                let (sender, receiver) = mpsc::channel(1);
                tasks.spawn_local(read_range(self.reader.clone(), columns, range, sender));
                reading.push_back(receiver);
            }
            let Some(mut range) = reading.pop_front() else { return Ok(()) };
            loop {
                match range.recv().await {
                    Some(RangePart::Page(page)) => {
                        if pages.send(page).await.is_err() {
                            return Ok(());
                        }
                    }
                    Some(RangePart::End) => break,
                    Some(RangePart::Failure(e)) => return Err(e.into()),
                    None => return Err(Problem::internal("a range of rows was not read to its end").into()),
                }
            }
        }
    }

    /// Whether all pages that were read are stored; not if the scan was stopped.
    async fn store_pages(
        &self,
        columns: &DocumentColumns,
        scan: &CatalogueScan,
        mut pages: mpsc::Receiver<DocumentPage>,
    ) -> Result<bool, FeedError> {
        while let Some(page) = pages.recv().await {
            self.report_scans().await?;
            if self.stop.is_cancelled() || !self.store_page(columns, scan, page).await? {
                return Ok(false);
            }
        }
        Ok(true)
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

/// What is read of a range of ids.
enum RangePart {
    Page(DocumentPage),
    End,
    Failure(IcatError),
}

/// Sends the pages of ids after the first number, up to the second. While one waits to be stored, the next one is read.
async fn read_range(
    reader: CatalogueReader,
    columns: &'static DocumentColumns,
    (after, last): (i64, i64),
    parts: mpsc::Sender<RangePart>,
) {
    let mut after = after;
    loop {
        let part = match reader.read_page(columns, after, last, ROWS_PER_PAGE).await {
            Ok(Some(page)) => {
                after = page.last_id;
                RangePart::Page(page)
            }
            Ok(None) => RangePart::End,
            Err(e) => RangePart::Failure(e),
        };
        let goes_on = matches!(part, RangePart::Page(_));
        // Nobody receives it if the scan was stopped.
        if parts.send(part).await.is_err() || !goes_on {
            return;
        }
    }
}

/// Ranges of ids, each of about a page of rows: ids after the first number, up to the second. Other tables use the same sequence of
/// ids, so that some ranges have fewer rows.
fn split_ids(after: i64, last: i64, rows: i64) -> impl Iterator<Item = (i64, i64)> {
    let per_row = (last - after).max(1) / rows.max(1);
    let width = per_row.max(1).saturating_mul(i64::from(ROWS_PER_PAGE));
    let mut after = after;
    iter::from_fn(move || {
        (after < last).then(|| {
            let range = (after, last.min(after.saturating_add(width)));
            after = range.1;
            range
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_about_a_page_of_rows_and_leave_no_id_out() {
        let dense: Vec<_> = split_ids(0, 25_000, 25_000).collect();
        assert_eq!(dense, [(0, 10_000), (10_000, 20_000), (20_000, 25_000)]);
        let sparse: Vec<_> = split_ids(1_000, 101_000, 25_000).collect();
        assert_eq!(sparse, [(1_000, 41_000), (41_000, 81_000), (81_000, 101_000)]);
        assert_eq!(split_ids(5, 5, 0).count(), 0);
        assert_eq!(split_ids(0, 7, -3).collect::<Vec<_>>(), [(0, 7)]);
        // A few rows with huge ids.
        assert!(split_ids(0, 1 << 40, 3).count() < 2_000);
    }
}
