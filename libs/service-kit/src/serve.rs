//! Starting and stopping a process: the only `main` of every service.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError};
use crate::db::{Db, DbError, Migration, Target};
use crate::http::{self, Listener, Mount, MountError, Table};
use crate::ids::{Ids, SystemIds};
use crate::problem::chain;

/// A future that a service hands over; it stays on the thread that runs it.
pub type Task<T> = Pin<Box<dyn Future<Output = T>>>;

/// A background job of a service. All workers of a process share one thread, so that what they do must not block it.
pub struct Worker {
    name: &'static str,
    start: Box<dyn FnOnce() -> Task<()> + Send>,
}

impl Worker {
    /// `start` is called once, on the thread of the workers; the future ends when [`Ctx::stop`] is cancelled.
    pub fn new<F: Future<Output = ()> + 'static>(
        name: &'static str,
        start: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        Self { name, start: Box::new(move || Box::pin(start())) }
    }
}

/// What a service crate exports.
#[derive(Debug, Clone, Copy)]
pub struct ServiceDef {
    /// Also the name of its database file or schema, and of `undulator serve <name>`.
    pub name: &'static str,
    /// Its commented settings with their defaults.
    pub default_toml: &'static str,
    pub migrations: &'static [Migration],
    /// Reads its settings and says what is wrong with them.
    pub check: fn(&Config) -> Result<(), ConfigError>,
    pub build: fn(Ctx) -> Task<Result<Running, BuildError>>,
}

/// What `build` is given.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub config: Config,
    pub db: Db,
    /// For calls to other systems; has time-outs and the facility's certificate authority.
    pub http: reqwest::Client,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub endpoints: Endpoints,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
    /// Background work that the stop waits for.
    pub tasks: TaskTracker,
}

/// Where this process listens.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints {
    pub public: SocketAddr,
    pub internal: SocketAddr,
}

impl Endpoints {
    /// `self` becomes the root address of this process's listener; everything else stays.
    pub fn resolve(&self, url: &str, listener: Listener) -> String {
        if url != "self" {
            return url.trim_end_matches('/').to_owned();
        }
        let address = match listener {
            Listener::Public => self.public,
            Listener::Internal => self.internal,
        };
        format!("http://{}", loopback(address))
    }
}

/// An address that listens everywhere is reached over loopback.
fn loopback(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// What `build` returns; the service's state stays inside its handlers.
#[derive(Default)]
pub struct Running {
    pub mounts: Vec<Mount>,
    pub workers: Vec<Worker>,
}

/// Why a service could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("{0}")]
    Other(String),
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

/// Opens (and migrates) the database of one service; for administrative commands too.
pub async fn open_database(service: &ServiceDef, config: &Config, clock: &dyn Clock) -> Result<Db, BuildError> {
    let data_dir = &config.core.data_dir;
    let target = Target::of(&config.core.database, data_dir, service.name)?;
    if matches!(target, Target::Sqlite(_)) {
        make_private_dir(data_dir)
            .map_err(|e| BuildError::Other(format!("cannot make data_dir {}: {e}", data_dir.display())))?;
    }
    let db = Db::open(&target, &config.core.database).await?;
    db.migrate(service.migrations, config.core.database.migrate, clock.now_micros()).await?;
    Ok(db)
}

/// Databases hold personal data and password hashes: a directory we make is for its owner only.
fn make_private_dir(dir: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// A running set of services.
pub struct Server {
    pub endpoints: Endpoints,
    listening: Vec<http::Listening>,
    databases: Vec<(&'static str, Db)>,
    draining: Arc<AtomicBool>,
    stop: CancellationToken,
    tasks: TaskTracker,
    drain_delay: Duration,
    drain_timeout: Duration,
}

impl Server {
    /// Binds both listeners, builds the services, and answers from then on.
    pub async fn start(services: &[ServiceDef], config: &Config, sources: Sources) -> Result<Self, ServeError> {
        let core = &config.core;
        let (public_socket, public) = http::bind(core.http.bind)?;
        let (internal_socket, internal) = http::bind(core.http.internal_bind)?;
        let endpoints = Endpoints { public, internal };
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let client = http_client(config)?;

        let (mut mounts, mut workers) = (Vec::new(), Vec::new());
        let mut databases = Vec::new();
        for service in services {
            let failed = |source| ServeError::Build { service: service.name, source };
            let db = open_database(service, config, &*sources.clock).await.map_err(failed)?;
            databases.push((service.name, db.clone()));
            let ctx = Ctx {
                config: config.clone(),
                db,
                http: client.clone(),
                clock: Arc::clone(&sources.clock),
                ids: Arc::clone(&sources.ids),
                endpoints,
                stop: stop.clone(),
                tasks: tasks.clone(),
            };
            let running = (service.build)(ctx).await.map_err(failed)?;
            mounts.extend(running.mounts);
            workers.extend(running.workers);
        }
        let draining = Arc::new(AtomicBool::new(false));
        mounts.push(http::health_mount(http::Health { databases: databases.clone(), draining: Arc::clone(&draining) }));

        run_workers(workers, &tasks)?;
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
        let mut listening = Vec::new();
        for (listener, socket, threads) in
            [(Listener::Public, public_socket, threads), (Listener::Internal, internal_socket, 1)]
        {
            let table = Table::new(&mounts, listener)?;
            listening.push(http::start(socket, table, Arc::clone(&sources.ids), &core.http, threads)?);
        }
        tasks.close();
        Ok(Self {
            endpoints,
            listening,
            databases,
            draining,
            stop,
            tasks,
            drain_delay: core.http.drain_delay,
            drain_timeout: core.http.drain_timeout,
        })
    }

    /// Says "not ready", lets load balancers notice, finishes running requests and workers, closes the databases.
    pub async fn stop(self) {
        self.draining.store(true, Ordering::Relaxed);
        tokio::time::sleep(self.drain_delay).await;
        self.stop.cancel();
        for listening in self.listening {
            listening.handle.stop(true).await;
            match listening.done.await {
                Ok(Ok(())) => {}
                Ok(Err(e)) => tracing::error!(error = %e, "listener failed"),
                Err(e) => tracing::error!(error = %e, "listener ended by a panic"),
            }
        }
        if tokio::time::timeout(self.drain_timeout, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work did not end in time");
        }
        for (_, db) in self.databases {
            db.close().await;
        }
    }
}

/// One thread for all workers of the process; it ends when they have ended.
fn run_workers(workers: Vec<Worker>, tasks: &TaskTracker) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tasks.clone();
    // Taken before the thread starts, so that a stop right after the start waits for the workers.
    let running = tasks.token();
    std::thread::Builder::new().name("workers".to_owned()).spawn(move || {
        let local = LocalSet::new();
        for Worker { name, start } in workers {
            local.spawn_local(async move {
                start().await;
                tracing::debug!(worker.name = name, "worker ended");
            });
        }
        runtime.block_on(local);
        drop(running);
    })?;
    Ok(())
}

fn http_client(config: &Config) -> Result<reqwest::Client, ConfigError> {
    let icat = &config.core.icat;
    let mut builder = reqwest::Client::builder()
        .timeout(icat.timeout)
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("undulator/", env!("CARGO_PKG_VERSION")));
    if !icat.ca_file.is_empty() {
        let refused = |e: &dyn std::fmt::Display| ConfigError(format!("setting `icat.ca_file`: {}: {e}", icat.ca_file));
        let pem = std::fs::read(&icat.ca_file).map_err(|e| refused(&e))?;
        for certificate in reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| refused(&e))? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|e| ConfigError(format!("cannot make the HTTP client: {}", chain(&e))))
}

/// Runs services until SIGTERM or SIGINT; a second signal ends the process at once.
pub async fn serve(
    services: &[ServiceDef],
    config: &Config,
    started: impl FnOnce(Endpoints),
) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = Server::start(services, config, Sources::default()).await?;
    tracing::info!(public = %server.endpoints.public, internal = %server.endpoints.internal, "listening");
    started(server.endpoints);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    tokio::select! {
        () = server.stop() => {}
        _ = terminate.recv() => tracing::warn!("second signal: ending at once"),
        _ = interrupt.recv() => tracing::warn!("second signal: ending at once"),
    }
    Ok(())
}
