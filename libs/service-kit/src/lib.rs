//! What every service is made of: configuration, database, leases, HTTP with two listeners and error dialects, blocking
//! pools, workers, metrics and traces, start and stop. It knows no domain.
//!
//! A service crate exports a [`ServiceDef`]; [`cli::main`] is the only `main` of its own binary.

mod caller_name;
pub mod cli;
pub mod clock;
pub mod config;
mod dialect;
mod digest;
pub mod doctor;
mod existing_database;
mod http;
pub mod idempotency;
pub mod ids;
mod instance;
pub mod leases;
mod log_fields;
pub mod metrics;
pub mod openapi;
mod pools;
mod private_paths;
pub mod problem;
mod process;
pub mod redaction;
mod serve;
mod service_def;
pub mod telemetry;
mod worker;

pub use self::caller_name::note_caller;
pub use self::clock::{Clock, SystemClock};
pub use self::config::{Config, ConfigError};
pub use self::dialect::Dialect;
pub use self::digest::digest;
pub use self::doctor::{DoctorCtx, Finding};
pub use self::existing_database::{has_database, require_any_database, require_database};
pub use self::http::disposition;
pub use self::http::{
    Checks, ClientAddress, Listener, Mount, PathCredential, Peer, RequestId, RouteInfo, bearer_credential,
    command_client, is_access_token,
};
pub use self::idempotency::{Idempotency, Remembered};
pub use self::ids::{Ids, SystemIds};
pub use self::leases::{Lease, Leases};
pub use self::metrics::Metrics;
pub use self::pools::{Blocking, Pools};
pub use self::private_paths::{PrivatePath, check_storage};
pub use self::problem::{Code, Problem};
pub use self::process::Process;
pub use self::serve::{Endpoints, ServeError, Server, Sources, open_database, serve};
pub use self::service_def::{BuildError, Ctx, Running, ServiceDef};
pub use self::worker::{Task, Worker};
pub use database::{self as db, Db, DbError, Engine, Micros, Migration, Row, Tx, Val, words};
/// The client type of [`Ctx::http`].
pub use reqwest_middleware::{ClientWithMiddleware as HttpClient, Error as HttpError};
