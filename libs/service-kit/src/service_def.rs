//! What a service is to the process that runs it: what it exports, what it is given, what it gives back.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest_middleware::ClientWithMiddleware;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, ServiceSettings};
use crate::db::{Db, DbError, Migration};
use crate::doctor::{DoctorCtx, Finding};
use crate::http::{HealthChecks, Mount};
use crate::ids::Ids;
use crate::leases::Leases;
use crate::openapi::{self, StartLink};
use crate::pools::Pools;
use crate::private_paths::PrivatePath;
use crate::process::Process;
use crate::serve::Endpoints;
use crate::worker::{Task, Worker};

/// What a service crate exports.
#[derive(Debug, Clone, Copy)]
pub struct ServiceDef {
    /// Also the name of its database file or schema, and of `undulator serve <name>`.
    pub name: &'static str,
    /// Its sections of the settings.
    pub settings: ServiceSettings,
    /// Public and internal, where its own binary listens unless told otherwise.
    pub default_ports: (u16, u16),
    pub migrations: &'static [Migration],
    /// Reads its settings and says what is wrong with them.
    pub check: fn(&Config) -> Result<(), ConfigError>,
    /// Describes every public route; [`openapi::empty_document`](crate::openapi::empty_document) if there is none.
    pub openapi: fn() -> utoipa::openapi::OpenApi,
    /// Its pages for people, to which the start page leads.
    pub pages: &'static [StartLink],
    /// The scopes that it asks of API keys, such as `logbook:write`.
    pub scopes: &'static [&'static str],
    /// Its files and directories that no user may download, with the settings that name them.
    pub private_paths: fn(&Config) -> Result<Vec<PrivatePath>, ConfigError>,
    /// Puts facts for the checks of other services into [`DoctorCtx::process`] before the first check. It writes nothing.
    pub prepare_doctor: fn(DoctorCtx) -> Task<()>,
    /// Its own checks: `doctor` prints the findings, and `serve` logs warnings and faults after the start. It writes nothing.
    pub doctor: fn(DoctorCtx) -> Task<Vec<Finding>>,
    pub build: fn(Ctx) -> Task<Result<Running, BuildError>>,
}

impl ServiceDef {
    /// Nothing at all, to be completed with `..ServiceDef::EMPTY`: for services in tests.
    pub const EMPTY: Self = Self {
        name: "empty",
        settings: ServiceSettings::NONE,
        default_ports: (0, 0),
        migrations: &[],
        check: |_| Ok(()),
        openapi: openapi::empty_document,
        pages: &[],
        scopes: &[],
        private_paths: |_| Ok(Vec::new()),
        prepare_doctor: |_| Box::pin(std::future::ready(())),
        doctor: |_| Box::pin(std::future::ready(Vec::new())),
        build: |_| Box::pin(std::future::ready(Ok(Running::default()))),
    };
}

/// What `build` is given.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The service's name.
    pub service: &'static str,
    /// The names of all services of this process.
    pub services: Arc<[&'static str]>,
    pub config: Config,
    pub db: Db,
    /// For calls to other systems; has time-outs and the facility's certificate authority.
    pub http: ClientWithMiddleware,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub leases: Leases,
    /// Bounded pools for calls that block.
    pub pools: Pools,
    /// What the services of this process share.
    pub process: Process,
    /// What readiness reports besides the databases.
    pub checks: HealthChecks,
    pub endpoints: Endpoints,
    /// Cancelled when the process begins to stop: answers without an end, such as streams of events, end then.
    pub closing: CancellationToken,
    /// Cancelled when the last requests are done.
    pub stop: CancellationToken,
    /// Background work that the stop waits for.
    pub tasks: TaskTracker,
    pub(crate) workers: Arc<Mutex<Vec<Worker>>>,
}

impl Ctx {
    /// Adds a background job of a library that the service uses; it starts when all services are built.
    pub fn add_worker(&self, worker: Worker) {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
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
