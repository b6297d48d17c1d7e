//! Starting and stopping a process: the only `main` of every service.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use database::idempotency::delete_expired_responses;
use reqwest_middleware::ClientWithMiddleware;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError};
use crate::db::{Db, Target};
use crate::doctor::{self, DoctorCtx};
use crate::http::{self, HealthChecks, Listener, MountError, RouteInfo, SelfCalls, Site, Table};
use crate::ids::{Ids, SystemIds};
use crate::instance::instance_id;
use crate::leases::Leases;
use crate::openapi::{self, OpenApiError, StartLink};
use crate::pools::Pools;
use crate::process::Process;
use crate::service_def::{BuildError, Ctx, ServiceDef};
use crate::worker::{self, Worker};

/// How often a service's old bookkeeping is removed.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_hours(1);

/// Where this process listens.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints {
    pub public: SocketAddr,
    pub internal: SocketAddr,
}

impl Endpoints {
    /// `self` becomes the root address of this process's listener; everything else stays.
    pub fn resolve_url(&self, url: &str, listener: Listener) -> String {
        if url != "self" {
            return url.trim_end_matches('/').to_owned();
        }
        let address = match listener {
            Listener::Public => self.public,
            Listener::Internal => self.internal,
        };
        format!("http://{}", to_loopback(address))
    }
}

/// An address that listens everywhere is reached over loopback.
fn to_loopback(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// Why the process did not start, or ended.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("service {service}: {source}")]
    Build { service: &'static str, source: BuildError },
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error(transparent)]
    OpenApi(#[from] OpenApiError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Clock and randomness of a process.
#[derive(Debug, Clone)]
pub struct Sources {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) }
    }
}

/// Opens (and migrates) the database of one service; for administrative commands, also while a server runs on it.
pub async fn open_database(service: &ServiceDef, config: &Config, clock: &dyn Clock) -> Result<Db, BuildError> {
    let target = database_target(service, config)?;
    let db = Db::open(&target, &config.core.database).await?;
    db.migrate(service.migrations, config.core.database.migrate, clock.now_micros()).await?;
    Ok(db)
}

/// The same for a server, of which a `SQLite` file takes one.
async fn open_served_database(service: &ServiceDef, config: &Config, clock: &dyn Clock) -> Result<Db, BuildError> {
    let target = database_target(service, config)?;
    let db = Db::open_for_server(&target, &config.core.database).await?;
    db.migrate(service.migrations, config.core.database.migrate, clock.now_micros()).await?;
    Ok(db)
}

/// Where the rows of a service are; the directory for them is there afterwards.
fn database_target(service: &ServiceDef, config: &Config) -> Result<Target, BuildError> {
    let data_dir = &config.core.data_dir;
    let target = Target::from_config(&config.core.database, data_dir, service.name)?;
    if matches!(target, Target::Sqlite(_)) {
        database::create_private_directory(data_dir)
            .map_err(|e| BuildError::Other(format!("cannot create data_dir {}: {e}", data_dir.display())))?;
    }
    Ok(target)
}

/// A running set of services.
pub struct Server {
    pub endpoints: Endpoints,
    public: http::Listening,
    internal: http::Listening,
    routes: Vec<RouteInfo>,
    databases: Vec<(&'static str, Db)>,
    draining: Arc<AtomicBool>,
    closing: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
    drain_delay: Duration,
    drain_timeout: Duration,
    client: ClientWithMiddleware,
}

impl Server {
    /// Binds both listeners, builds the services, and answers from then on.
    pub async fn start(services: &[ServiceDef], config: &Config, sources: Sources) -> Result<Self, ServeError> {
        let core = &config.core;
        let (public_socket, public) = http::bind_listener("http.bind", core.http.bind)?;
        let (internal_socket, internal) = http::bind_listener("http.internal_bind", core.http.internal_bind)?;
        let endpoints = Endpoints { public, internal };
        let (closing, stop, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let process = Process::default();
        let self_calls = SelfCalls::new(to_loopback(public), &*sources.ids);
        let client = http::instrument_client(http_client(config)?, &process.metrics, &self_calls);
        let checks = HealthChecks::default();
        let holder: Arc<str> = sources.ids.random_uuid().to_string().into();

        let documents: Vec<_> = services.iter().map(|service| (service.name, (service.openapi)())).collect();
        let pages: Vec<StartLink> = services.iter().flat_map(|service| service.pages).copied().collect();
        let mut mounts = openapi::build_mounts(&documents, &core.site, &core.public_url, &pages)?;
        let workers: Arc<Mutex<Vec<Worker>>> = Arc::default();
        let mut databases = Vec::new();
        let names: Arc<[&'static str]> = services.iter().map(|service| service.name).collect();
        for service in services {
            let failed = |source| ServeError::Build { service: service.name, source };
            let db = open_served_database(service, config, &*sources.clock).await.map_err(failed)?;
            databases.push((service.name, db.clone()));
            let leases = Leases::new(
                db.clone(),
                Arc::clone(&sources.clock),
                service.name,
                Arc::clone(&holder),
                process.metrics.clone(),
            );
            let ctx = Ctx {
                service: service.name,
                services: Arc::clone(&names),
                config: config.clone(),
                db,
                http: client.clone(),
                clock: Arc::clone(&sources.clock),
                ids: Arc::clone(&sources.ids),
                leases,
                pools: Pools::new(process.metrics.clone()),
                process: process.clone(),
                checks: checks.clone(),
                endpoints,
                closing: closing.clone(),
                stop: stop.clone(),
                tasks: tasks.clone(),
                workers: Arc::clone(&workers),
            };
            ctx.add_worker(new_housekeeping_worker(&ctx));
            ctx.add_worker(new_checkpointer_worker(&ctx));
            let mut running = (service.build)(ctx).await.map_err(failed)?;
            running.mounts.iter_mut().for_each(|mount| mount.service = service.name);
            mounts.extend(running.mounts);
            workers.lock().unwrap_or_else(PoisonError::into_inner).extend(running.workers);
        }
        let draining = Arc::new(AtomicBool::new(false));
        mounts.extend(http::health_mounts(http::Health {
            databases: databases.clone(),
            checks,
            draining: Arc::clone(&draining),
            metrics: process.metrics.clone(),
            instance: instance_id(config),
        }));

        let workers = std::mem::take(&mut *workers.lock().unwrap_or_else(PoisonError::into_inner));
        worker::start_workers(workers, &tasks, &stop, &process.metrics)?;
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
        let site = Site {
            ids: Arc::clone(&sources.ids),
            metrics: process.metrics.clone(),
            self_calls,
            config: &core.http,
            public_url: &core.public_url,
        };
        let (public_table, internal_table) =
            (Table::new(&mounts, Listener::Public)?, Table::new(&mounts, Listener::Internal)?);
        let routes = public_table.routes().chain(internal_table.routes()).collect();
        let public = http::start_server(public_socket, Listener::Public, public_table, &site, threads)?;
        let internal = http::start_server(internal_socket, Listener::Internal, internal_table, &site, 1)?;
        tasks.close();
        Ok(Self {
            endpoints,
            public,
            internal,
            routes,
            databases,
            draining,
            closing,
            stop,
            tasks,
            drain_delay: core.http.drain_delay,
            drain_timeout: core.http.drain_timeout,
            client,
        })
    }

    /// Every endpoint of both listeners.
    pub fn routes(&self) -> &[RouteInfo] {
        &self.routes
    }

    /// Says "not ready" and lets load balancers notice; finishes running requests, then workers, so that what the last
    /// requests caused is worked off; answers operators until then; closes the databases.
    pub async fn stop(self) {
        self.draining.store(true, Ordering::Relaxed);
        tokio::time::sleep(self.drain_delay).await;
        self.closing.cancel();
        stop_listening(self.public).await;
        self.stop.cancel();
        if tokio::time::timeout(self.drain_timeout, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work did not end within http.drain_timeout");
        }
        stop_listening(self.internal).await;
        for (_, db) in self.databases {
            db.close().await;
        }
    }
}

/// Deletes expired idempotency keys.
fn new_housekeeping_worker(ctx: &Ctx) -> Worker {
    let (db, clock, stop) = (ctx.db.clone(), Arc::clone(&ctx.clock), ctx.stop.clone());
    Worker::periodic("base.housekeeping", HOUSEKEEPING_INTERVAL, &stop, move || {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        async move { delete_expired_responses(&db, clock.now_micros()).await.map(drop) }
    })
}

/// Runs the checkpoints of an embedded database beside its writers.
fn new_checkpointer_worker(ctx: &Ctx) -> Worker {
    let (db, stop) = (ctx.db.clone(), ctx.stop.clone());
    Worker::new("base.checkpointer", move || {
        let (db, stop) = (db.clone(), stop.clone());
        async move { db.run_checkpointer(&stop).await }
    })
}

async fn stop_listening(listening: http::Listening) {
    listening.handle.stop(true).await;
    match listening.done.await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => tracing::error!(error = %e, "listener failed"),
        Err(e) => tracing::error!(error = %e, "listener ended by a panic"),
    }
}

pub(crate) fn http_client(config: &Config) -> Result<reqwest::Client, ConfigError> {
    let icat = &config.core.icat;
    let builder = reqwest::Client::builder().timeout(icat.timeout).connect_timeout(Duration::from_secs(5));
    http::finish_client(builder, &icat.ca_file, "setting `icat.ca_file`")
}

/// Runs services until SIGTERM or SIGINT; a second signal ends the process at once.
pub async fn serve_until_signal(
    services: &[ServiceDef],
    config: &Config,
    started: impl FnOnce(Endpoints),
) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = Server::start(services, config, Sources::default()).await?;
    tracing::info!(public = %server.endpoints.public, internal = %server.endpoints.internal, "listening");
    started(server.endpoints);
    let ctx = DoctorCtx {
        config: config.clone(),
        http: server.client.clone(),
        clock: Arc::new(SystemClock),
        process: Process::default(),
        databases: server.databases.clone(),
        endpoints: server.endpoints,
        is_running: true,
        foreign_server: None,
    };
    let examined = async {
        doctor::log_faults(services, &ctx).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = examined => {}
    }
    tracing::info!("stopping");
    tokio::select! {
        () = server.stop() => {}
        _ = terminate.recv() => tracing::warn!("second signal: ending at once"),
        _ = interrupt.recv() => tracing::warn!("second signal: ending at once"),
    }
    Ok(())
}
