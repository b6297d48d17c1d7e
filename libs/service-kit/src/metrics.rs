//! Prometheus metrics of a process, named after OpenTelemetry's semantic conventions.
//!
//! No label holds a user, a session, an investigation or a file: routes are patterns, so that the number of series is
//! bounded by the number of routes.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

/// Upper bounds in seconds.
const DURATIONS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0];

pub type Durations<L> = Family<L, Histogram, fn() -> Histogram>;
/// A gauge of fractions, for ages in seconds.
pub type Seconds = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub http_request_method: &'static str,
    /// The pattern, never the path.
    pub http_route: String,
    pub http_response_status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FailureLabels {
    /// The pattern, never the path.
    pub http_route: String,
    /// The slug of the problem, such as `icat/too-slow`.
    pub error_slug: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CallLabels {
    pub http_request_method: &'static str,
    /// Which system was called: `icat`, `auth`.
    pub peer_service: &'static str,
    /// The status, or `error` if there was none.
    pub outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct LeaseLabels {
    pub undulator_service: &'static str,
    pub lease: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PoolLabels {
    pub pool: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ConnectionLabels {
    pub undulator_service: &'static str,
    pub pool: &'static str,
    pub state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WorkerLabels {
    pub worker: &'static str,
}

/// The metrics of one process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    pub(crate) requests: Durations<RequestLabels>,
    pub(crate) failures: Family<FailureLabels, Counter>,
    pub(crate) active_requests: Gauge,
    pub(crate) calls: Durations<CallLabels>,
    pub(crate) leases: Family<LeaseLabels, Gauge>,
    pub(crate) pool_running: Family<PoolLabels, Gauge>,
    pub(crate) pool_waiting: Family<PoolLabels, Gauge>,
    pub(crate) pool_places: Family<PoolLabels, Gauge>,
    pub(crate) pool_refused: Family<PoolLabels, Counter>,
    pub(crate) connections: Family<ConnectionLabels, Gauge>,
    pub(crate) worker_restarts: Family<WorkerLabels, Counter>,
    pub(crate) ready: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn new_duration_histogram() -> Histogram {
    Histogram::new(DURATIONS)
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::default(),
            requests: Family::new_with_constructor(new_duration_histogram),
            failures: Family::default(),
            active_requests: Gauge::default(),
            calls: Family::new_with_constructor(new_duration_histogram),
            leases: Family::default(),
            pool_running: Family::default(),
            pool_waiting: Family::default(),
            pool_places: Family::default(),
            pool_refused: Family::default(),
            connections: Family::default(),
            worker_restarts: Family::default(),
            ready: Gauge::default(),
        };
        let m = &metrics;
        m.register("http_server_request_duration_seconds", "Requests by route pattern", m.requests.clone());
        m.register("undulator_http_failures", "Refused and failed requests by reason", m.failures.clone());
        m.register("http_server_active_requests", "Requests being answered", m.active_requests.clone());
        m.register("http_client_request_duration_seconds", "Calls to other systems", m.calls.clone());
        m.register("undulator_lease_held", "1 where this process holds the lease", m.leases.clone());
        m.register("undulator_pool_running", "Blocking calls that run", m.pool_running.clone());
        m.register("undulator_pool_waiting", "Blocking calls that wait for a thread", m.pool_waiting.clone());
        m.register("undulator_pool_places", "Blocking calls that may run or wait", m.pool_places.clone());
        m.register("undulator_pool_refused", "Calls refused because the pool was full", m.pool_refused.clone());
        m.register("db_client_connection_count", "Database connections", m.connections.clone());
        m.register("undulator_worker_restarts", "Workers started again after a failure", m.worker_restarts.clone());
        m.register("undulator_health_ready", "1 if the process answered its last readiness check", m.ready.clone());
        metrics
    }
}

impl Metrics {
    /// Adds a metric under its full name; counters get `_total` by the format.
    pub fn register(&self, name: &'static str, help: &str, metric: impl Metric) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).register(name, help, metric);
    }

    /// All series in the `OpenMetrics` text format.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
    }
}
