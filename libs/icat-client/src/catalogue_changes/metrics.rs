//! What operators see of polls.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use service_kit::Process;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EntityLabels {
    pub entity: &'static str,
}

#[derive(Debug, Default)]
pub struct PollMetrics {
    /// In seconds since 1970; of whichever replica polled.
    pub polled_at: Gauge,
    /// The same of the comparison of all ids of an entity.
    pub compared_at: Family<EntityLabels, Gauge>,
    pub changes: Family<EntityLabels, Counter>,
}

impl PollMetrics {
    pub fn register(process: &Process) -> Self {
        let metrics = Self::default();
        let m = &process.metrics;
        m.register(
            "undulator_catalogue_poll_timestamp_seconds",
            "When the catalogue was last polled for changes with success",
            metrics.polled_at.clone(),
        );
        m.register(
            "undulator_catalogue_comparison_timestamp_seconds",
            "When all ids of an entity were last compared",
            metrics.compared_at.clone(),
        );
        m.register(
            "undulator_catalogue_changes",
            "Changes of the catalogue that polls and comparisons found",
            metrics.changes.clone(),
        );
        metrics
    }
}
