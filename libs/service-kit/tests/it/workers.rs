//! Background jobs that fail are started again, and the stop waits for them.

use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web;
use service_kit::{ErrorFormat, Listener, Mount, Running, ServiceDef, Worker};
use testkit::{TestApp, wait_for};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const SERVICE: ServiceDef = ServiceDef {
    name: "sample",
    build: |ctx| {
        let (stop, other) = (ctx.stop.clone(), ctx.stop.clone());
        let failing = Worker::new("sample.failing", move || fails_once(stop.clone()));
        let steady = Worker::new("sample.steady", move || other.clone().cancelled_owned());
        Box::pin(std::future::ready(Ok(Running { workers: vec![failing, steady], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

/// A job whose interval is never over.
const WAITING: ServiceDef = ServiceDef {
    name: "waiting",
    build: |ctx| {
        let wake = ctx.process.get_or_init(Notify::new);
        let worker = Worker::periodic_with_wakeup("waiting", Duration::from_hours(1), &ctx.stop, wake, async || {
            RUNS.add_permits(1);
            Ok::<(), Infallible>(())
        });
        let mount = Mount::new("/wake", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .state(ctx.process.get_or_init(Notify::new))
            .post("", async |wake: web::Data<Notify>| {
                wake.notify_one();
                ""
            });
        Box::pin(std::future::ready(Ok(Running { workers: vec![worker], mounts: vec![mount] })))
    },
    ..ServiceDef::EMPTY
};

static RUNS: Semaphore = Semaphore::const_new(0);

#[tokio::test]
async fn a_periodic_worker_runs_when_it_is_woken() {
    let app = TestApp::start(&[WAITING], "").await;
    for _ in 0..3 {
        wait_for("a run", RUNS.acquire()).await.unwrap().forget();
        assert_eq!(RUNS.available_permits(), 0);
        app.http.post(format!("{}/wake", app.internal)).send().await.unwrap().error_for_status().unwrap();
    }
    app.stop().await;
}

static STARTS: Mutex<Vec<Instant>> = Mutex::new(Vec::new());
static STARTED: Semaphore = Semaphore::const_new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

async fn fails_once(stop: CancellationToken) {
    let starts = {
        let mut starts = STARTS.lock().unwrap();
        starts.push(Instant::now());
        starts.len()
    };
    STARTED.add_permits(1);
    assert!(starts > 1, "the first run fails");
    stop.cancelled().await;
    ENDED.fetch_add(1, Ordering::SeqCst);
}

/// The pause after the first failure is one second and up to another one by chance.
#[tokio::test]
async fn a_worker_that_panics_is_started_again_after_a_pause_and_counted() {
    let app = TestApp::start(&[SERVICE], "").await;
    let twice = tokio::time::timeout(Duration::from_secs(30), STARTED.acquire_many(2)).await;
    twice.expect("the worker runs again").unwrap().forget();
    let pause = {
        let starts = STARTS.lock().unwrap();
        starts[1] - starts[0]
    };
    println!("started again after {pause:?}");
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
    let text = app.http.get(format!("{}/metrics", app.internal)).send().await.unwrap().text().await.unwrap();
    let restarts: Vec<&str> = text.lines().filter(|line| line.starts_with("undulator_worker_restarts_total")).collect();
    assert_eq!(restarts, [r#"undulator_worker_restarts_total{worker="sample.failing"} 1"#]);
    app.stop().await;
    assert_eq!(ENDED.load(Ordering::SeqCst), 1, "the stop waited for the second run");
    assert_eq!(STARTS.lock().unwrap().len(), 2, "and did not start it a third time");
}
