//! Crash: eight clients write entities while the processes behind them are killed again and again, and the bus is
//! taken away. Half of the clients never repeat a request, half repeat it with its `Idempotency-Key` until it is
//! acknowledged. What then is in the catalogue and what the consumer stored must agree with what was answered.

mod clients;
mod kills;
mod replicas;
mod rows;
mod verdict;

use std::sync::Arc;

use service_kit::ServiceDef;
use tempfile::TempDir;
use testkit::{Backend, Nats, Process, postgres_url, probe, wait_until};
use tokio::time::Instant;

use self::clients::Load;
use self::kills::KillReport;
use crate::processes::{build_client, build_process, create_root, log_in, read_metric};

/// Unless `TESTKIT_KILLS` says otherwise.
const KILLS: usize = 9;
const WRITES_PER_KILL: usize = 66;
const OUTBOX_SIZE: &str = "undulator_outbox_size{undulator_service=\"icat\"}";

/// How often processes are killed, how much is written meanwhile, and what must have happened.
#[derive(Clone, Copy)]
pub struct Plan {
    pub kills: usize,
    pub writes: usize,
    /// So many kills must meet a request without an answer or an event that the bus does not have.
    hits: usize,
    /// The bus comes back when so many events wait.
    waiting: u32,
}

impl Plan {
    fn from_environment() -> Self {
        let kills = std::env::var_os("TESTKIT_KILLS").and_then(|n| n.to_str()?.parse().ok()).unwrap_or(KILLS);
        let writes = kills * WRITES_PER_KILL;
        Self { kills, writes, hits: kills * 2 / 3, waiting: u32::try_from(writes / 4).unwrap() }
    }
}

/// The processes of one arrangement.
pub struct World {
    pub writer: Process,
    /// `None` where the writer's process is the consumer's too.
    pub consumer: Option<Process>,
    pub nats: Option<Nats>,
    pub http: reqwest::Client,
    pub session: String,
    pub settings: String,
    pub dir: TempDir,
}

impl World {
    async fn start(writer: &[ServiceDef], consumer: &[ServiceDef], backend: &Backend, nats: Option<Nats>) -> Self {
        let (dir, http) = (TempDir::new().unwrap(), build_client());
        let events = nats.as_ref().map(Nats::settings).unwrap_or_default();
        let settings = format!("[database]\nurl = \"{}\"\n{events}", backend.new_url().await);
        let mut writer = build_process("writer", writer, dir.path());
        writer.configure(&settings);
        create_root(&writer.config(&[auth::SERVICE, icat::SERVICE])).await;
        writer.start(&http).await;
        let mut consumer = (!consumer.is_empty()).then(|| build_process("consumer", consumer, dir.path()));
        if let Some(consumer) = &mut consumer {
            consumer.configure(&settings);
            consumer.start(&http).await;
        }
        let session = log_in(&http, &writer.public()).await;
        Self { writer, consumer, nats, http, session, settings, dir }
    }

    fn config(&self) -> service_kit::Config {
        self.writer.config(&[auth::SERVICE, icat::SERVICE])
    }

    /// Waits until the bus has every event and the consumer has stored every effect; then everything is stopped.
    async fn wait_and_stop(&mut self) {
        let config = self.config();
        wait_until("every event has arrived", async || {
            let all = rows::read_rows(&config).await;
            (all.waiting == 0 && all.effects.len() >= all.catalogue.len()).then_some(())
        })
        .await;
        self.writer.stop();
        if let Some(consumer) = &mut self.consumer {
            consumer.stop();
        }
    }
}

/// One process on `SQLite` with the bus in memory.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_one_process_with_everything_is_killed() {
    let all = [auth::SERVICE, icat::SERVICE, probe::SERVICE];
    let mut world = World::start(&all, &[], &Backend::Sqlite, None).await;
    let plan = Plan::from_environment();
    let (load, killed) = run_load(&mut world, plan).await;
    world.wait_and_stop().await;
    check_outcome("one process, SQLite, memory", &world, &load, &killed, plan).await;
}

/// Writer and consumer as processes with a NATS server between them, which is taken away too.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_processes_over_nats_are_killed() {
    let backend = postgres_url().map_or(Backend::Sqlite, Backend::Postgres);
    let writer = [auth::SERVICE, icat::SERVICE];
    let nats = Nats::start().await;
    let mut world = World::start(&writer, &[probe::SERVICE], &backend, Some(nats)).await;
    let plan = Plan::from_environment();
    let (load, killed) = run_load(&mut world, plan).await;
    if matches!(backend, Backend::Postgres(_)) {
        replicas::stop_the_holder_of_the_lease(&mut world, &load).await;
    }
    world.wait_and_stop().await;
    let engine = if matches!(backend, Backend::Sqlite) { "SQLite" } else { "PostgreSQL" };
    check_outcome(&format!("two processes, {engine}, NATS"), &world, &load, &killed, plan).await;
}

/// Writes, kills and the outage of the bus, all at once.
async fn run_load(world: &mut World, plan: Plan) -> (Arc<Load>, Vec<KillReport>) {
    let begun = Instant::now();
    let load = Load::new(&world.http, &world.session);
    let address = vec![world.writer.public()];
    let (http, internal, mut nats) = (world.http.clone(), world.writer.internal(), world.nats.take());
    let bus_goes_and_comes = async {
        let Some(nats) = &mut nats else { return 0.0 };
        load.wait_until_finished(plan.writes / 4).await;
        nats.stop();
        let enough =
            async || read_metric(&http, &internal, OUTBOX_SIZE).await.filter(|n| *n >= f64::from(plan.waiting));
        let waiting = wait_until("events wait for the bus", enough).await;
        nats.start_again().await;
        waiting
    };
    let ((), killed, waiting) = tokio::join!(
        load.write_rows("crash", plan.writes, address),
        kills::kill_processes(world, &load, plan),
        bus_goes_and_comes
    );
    if nats.is_some() {
        println!("{waiting} events waited while nats-server was stopped");
    }
    world.nats = nats;
    println!("at least {} writes and {} kills in {:.1} s", plan.writes, killed.len(), begun.elapsed().as_secs_f64());
    (load, killed)
}

async fn check_outcome(name: &str, world: &World, load: &Load, killed: &[KillReport], plan: Plan) {
    let rows = rows::read_rows(&world.config()).await;
    let record = load.to_record();
    println!("{name}: {}", record.render_summary());
    println!("{name}: {} rows in the catalogue, {} effects", rows.catalogue.len(), rows.effects.len());
    verdict::compare_record(&record, &rows).unwrap();
    verdict::assert_that_mistakes_are_found(&record, &rows);

    let count = |what: fn(&KillReport) -> bool| killed.iter().filter(|k| what(k)).count();
    let hits = count(|k| k.unanswered > 0 || k.waiting > 0);
    println!(
        "{name}: {} kills, each with at least {} requests on the way; {} met requests that were never answered, {} \
         events that the bus did not have, {hits} either",
        killed.len(),
        killed.iter().map(|k| k.in_flight).min().unwrap_or_default(),
        count(|k| k.unanswered > 0),
        count(|k| k.waiting > 0),
    );
    assert_eq!(killed.len(), plan.kills);
    assert!(killed.iter().all(|k| k.in_flight >= clients::CLIENTS));
    assert!(hits >= plan.hits, "only {hits} of {} kills met anything", plan.kills);
}
