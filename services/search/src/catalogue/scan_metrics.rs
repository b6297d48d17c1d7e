//! What operators see of the scans of the catalogue.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use service_kit::Process;

use crate::store::catalogue_scans::{CatalogueScan, ScanState};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EntityLabels {
    entity: String,
}

/// How far the scan of each entity is.
#[derive(Debug, Clone, Default)]
pub struct ScanMetrics {
    rows_read: Family<EntityLabels, Gauge>,
    rows_expected: Family<EntityLabels, Gauge>,
}

impl ScanMetrics {
    pub fn register(process: &Process) -> Self {
        let metrics = Self::default();
        let m = &process.metrics;
        m.register(
            "undulator_search_scanned_rows",
            "Rows that the scan of an entity has read from the catalogue",
            metrics.rows_read.clone(),
        );
        m.register(
            "undulator_search_rows_to_scan",
            "Rows of an entity that the catalogue had at the start of the scan",
            metrics.rows_expected.clone(),
        );
        metrics
    }

    /// What the database says, for example after a restart. A scan that is to begin again has read nothing yet.
    pub fn report_scans(&self, scans: &[CatalogueScan]) {
        for scan in scans {
            match scan.state {
                ScanState::Wanted => self.report_scan(&scan.entity, 0, scan.rows_expected),
                ScanState::Running => self.report_scan(&scan.entity, scan.rows_read, scan.rows_expected),
                // Rows may have come or gone since the start; none is left to read.
                ScanState::Done => self.report_scan(&scan.entity, scan.rows_read, scan.rows_read),
            }
        }
    }

    fn report_scan(&self, entity: &str, rows_read: i64, rows_expected: i64) {
        let labels = EntityLabels { entity: entity.to_owned() };
        self.rows_read.get_or_create(&labels).set(rows_read);
        self.rows_expected.get_or_create(&labels).set(rows_expected.max(rows_read));
    }
}
