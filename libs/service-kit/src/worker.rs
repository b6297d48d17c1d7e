//! Background jobs, which are restarted when they fail.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backon::BackoffBuilder as _;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::{Metrics, WorkerLabels};
use crate::problem::format_error_chain;

/// A future that a service hands over; it stays on the thread that runs it.
pub type Task<T> = Pin<Box<dyn Future<Output = T>>>;

/// A background job of a service. All workers of a process share one thread, so that what they do must not block it.
pub struct Worker {
    name: &'static str,
    start: Box<dyn Fn() -> Task<()> + Send>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({})", self.name)
    }
}

impl Worker {
    /// `start` is called on the thread of the workers, and again whenever the job ends before
    /// [`Ctx::stop`](crate::Ctx::stop) is cancelled, be it by a panic; the pauses grow from a second to a minute.
    pub fn new<F: Future<Output = ()> + 'static>(name: &'static str, start: impl Fn() -> F + Send + 'static) -> Self {
        Self { name, start: Box::new(move || Box::pin(start())) }
    }

    /// A job that runs at the start and then once per interval; failures are logged.
    pub fn periodic<F, E>(
        name: &'static str,
        interval: Duration,
        stop: &CancellationToken,
        job: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + 'static,
        E: std::error::Error,
    {
        Self::periodic_with_wakeup(name, interval, stop, Arc::default(), job)
    }

    /// The same for a job that also runs when it is woken. Wake-ups during a run cause one further run.
    pub fn periodic_with_wakeup<F, E>(
        name: &'static str,
        interval: Duration,
        stop: &CancellationToken,
        wake: Arc<Notify>,
        job: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + 'static,
        E: std::error::Error,
    {
        let (stop, job) = (stop.clone(), Arc::new(job));
        Self::new(name, move || {
            let (stop, wake, job) = (stop.clone(), Arc::clone(&wake), Arc::clone(&job));
            async move {
                let mut times = tokio::time::interval(interval);
                // After a run that took longer than the interval there is one further run, not one for each that was missed.
                times.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        _ = times.tick() => {}
                        () = wake.notified() => {}
                    }
                    if let Err(e) = job().await {
                        tracing::error!(worker.name = name, error = format_error_chain(&e), "a periodic job failed");
                    }
                }
            }
        })
    }
}

/// Starts the one thread on which all workers of the process run; it ends when they have ended.
pub(crate) fn start_workers(
    workers: Vec<Worker>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
    metrics: &Metrics,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Taken before the thread starts, so that a stop right after the start waits for the workers.
    let running = tasks.token();
    let (stop, metrics) = (stop.clone(), metrics.clone());
    std::thread::Builder::new().name("workers".to_owned()).spawn(move || {
        let local = LocalSet::new();
        for worker in workers {
            local.spawn_local(supervise_worker(worker, stop.clone(), metrics.clone()));
        }
        runtime.block_on(local);
        drop(running);
    })?;
    Ok(())
}

async fn supervise_worker(worker: Worker, stop: CancellationToken, metrics: Metrics) {
    let Worker { name, start } = worker;
    let mut pauses = restart_pauses();
    loop {
        // On a task of its own, so that a panic ends this run and not the thread.
        let outcome = tokio::task::spawn_local(start()).await;
        if stop.is_cancelled() {
            tracing::debug!(worker.name = name, "worker ended");
            return;
        }
        let error = outcome.err().map_or_else(|| "it ended by itself".to_owned(), |e| e.to_string());
        metrics.worker_restarts.get_or_create(&WorkerLabels { worker: name }).inc();
        tracing::error!(worker.name = name, error, "worker failed and is restarted");
        let pause = pauses.next().unwrap_or(Duration::from_mins(1));
        let _stopped = tokio::time::timeout(pause, stop.cancelled()).await;
        if stop.is_cancelled() {
            return;
        }
    }
}

fn restart_pauses() -> impl Iterator<Item = Duration> {
    backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(Duration::from_mins(1))
        .without_max_times()
        .with_jitter()
        .build()
}
