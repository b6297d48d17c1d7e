//! The metrics of events. One set per process, labelled by service and consumer.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use service_kit::Process;
use service_kit::metrics::Seconds;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ServiceLabels {
    pub undulator_service: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ConsumerLabels {
    pub consumer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DeadLetterLabels {
    pub undulator_service: &'static str,
    /// `trying` or `parked`.
    pub state: &'static str,
}

#[derive(Debug, Default)]
pub struct EventMetrics {
    pub outbox_size: Family<ServiceLabels, Gauge>,
    pub outbox_oldest_age: Family<ServiceLabels, Seconds>,
    pub sent: Family<ServiceLabels, Counter>,
    pub consumed: Family<ConsumerLabels, Counter>,
    pub duplicates: Family<ConsumerLabels, Counter>,
    pub dead_letters: Family<ConsumerLabels, Counter>,
    pub dead: Family<DeadLetterLabels, Gauge>,
}

impl EventMetrics {
    pub fn register(process: &Process) -> Self {
        let metrics = Self::default();
        let m = &process.metrics;
        m.register("undulator_outbox_size", "Events that are not published yet", metrics.outbox_size.clone());
        m.register(
            "undulator_outbox_oldest_age_seconds",
            "Age of the oldest event that is not published yet",
            metrics.outbox_oldest_age.clone(),
        );
        m.register("messaging_client_sent_messages", "Events that the bus has acknowledged", metrics.sent.clone());
        m.register("messaging_client_consumed_messages", "Events whose effect was stored", metrics.consumed.clone());
        m.register("undulator_inbox_duplicates", "Events that were delivered again", metrics.duplicates.clone());
        m.register("undulator_inbox_dead_letters", "Events whose effect failed", metrics.dead_letters.clone());
        m.register("undulator_dead_letters", "Dead letters that are retried or parked", metrics.dead.clone());
        metrics
    }
}
