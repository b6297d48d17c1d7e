//! Named, bounded pools for blocking calls: a hung disk fills its own pool and no other.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::{Metrics, PoolLabels};
use crate::problem::{Code, Problem};

/// Creates the pools of a process, with their metrics. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Pools(Metrics);

/// A bounded pool for blocking calls of one kind. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blocking {
    labels: PoolLabels,
    /// Running and waiting together.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    runtime: Handle,
    metrics: Metrics,
}

impl Pools {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }

    /// A pool in which at most `threads` calls run and `queue` more wait. Must be called in the main runtime of the process.
    pub fn open(&self, name: &str, threads: usize, queue: usize) -> Blocking {
        let labels = PoolLabels { pool: name.to_owned() };
        let places = i64::try_from(threads + queue).unwrap_or(i64::MAX);
        self.0.pool_places.get_or_create(&labels).set(places);
        // Shown from the start, not only after the first call.
        self.0.pool_running.get_or_create(&labels).set(0);
        self.0.pool_waiting.get_or_create(&labels).set(0);
        Blocking {
            labels,
            places: Arc::new(Semaphore::new(threads + queue)),
            running: Arc::new(Semaphore::new(threads)),
            runtime: Handle::current(),
            metrics: self.0.clone(),
        }
    }
}

impl Blocking {
    /// Runs `work` on a thread that may block. [`Code::Unavailable`] at once if the pool is full.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.record_refusal())?;
        self.run_with(Some(place), work).await
    }

    /// The same for quick calls that come in bursts: waits up to `time` for a place. Hanging calls free none, so nobody waits
    /// longer than that.
    pub async fn run_within<T: Send + 'static>(
        &self,
        time: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = tokio::time::timeout(time, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| self.record_refusal())?.map_err(|_| pool_full_problem())?;
        self.run_with(Some(place), work).await
    }

    /// Waits for a thread however long the queue is: for the next step of a response that has begun and cannot be refused any
    /// more. It takes no place from new calls.
    pub async fn run_queued<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        self.run_with(None, work).await
    }

    fn record_refusal(&self) -> Problem {
        self.metrics.pool_refused.get_or_create(&self.labels).inc();
        tracing::warn!(pool.name = self.labels.pool, "pool full");
        pool_full_problem()
    }

    async fn run_with<T: Send + 'static>(
        &self,
        place: Option<OwnedSemaphorePermit>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let waiting = GaugeGuard::new(&self.metrics.pool_waiting, &self.labels);
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| pool_full_problem())?;
        drop(waiting);
        let running = GaugeGuard::new(&self.metrics.pool_running, &self.labels);
        let span = tracing::Span::current();
        // Both permits go with the work, so that a caller who gives up does not free the place of a hung call.
        let done = self.runtime.spawn_blocking(move || {
            let result = span.in_scope(work);
            drop((turn, place, running));
            result
        });
        done.await.map_err(Problem::internal)
    }
}

fn pool_full_problem() -> Problem {
    Problem::new(Code::Unavailable, "busy", "too many requests of this kind at once").with_retry_after(5)
}

type Gauges = prometheus_client::metrics::family::Family<PoolLabels, prometheus_client::metrics::gauge::Gauge>;

/// Increments a gauge for as long as it lives, also if the caller gives up or the work panics.
struct GaugeGuard(prometheus_client::metrics::gauge::Gauge);

impl GaugeGuard {
    fn new(gauges: &Gauges, labels: &PoolLabels) -> Self {
        let gauge = gauges.get_or_create(labels).clone();
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}
