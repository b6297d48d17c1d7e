//! What operators see of the changes on their way into the index.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use service_kit::Process;

#[derive(Debug, Clone, Default)]
pub struct ChangeMetrics {
    /// Requests with changes that are not searchable yet.
    pub waiting_batches: Gauge,
    /// Changes of rows that were written to the index.
    pub applied_changes: Counter,
    pub rejected_documents: Counter,
}

impl ChangeMetrics {
    pub fn register(process: &Process) -> Self {
        let metrics = Self::default();
        let m = &process.metrics;
        m.register(
            "undulator_search_waiting_batches",
            "Accepted requests with changes that are not searchable yet",
            metrics.waiting_batches.clone(),
        );
        m.register(
            "undulator_search_applied_changes",
            "Changes of rows that were written to the search index",
            metrics.applied_changes.clone(),
        );
        m.register(
            "undulator_search_rejected_documents",
            "Documents that cannot be indexed and were set aside",
            metrics.rejected_documents.clone(),
        );
        metrics
    }
}
