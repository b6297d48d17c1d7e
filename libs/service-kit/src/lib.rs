//! What every service is made of: configuration, database, leases, HTTP with two listeners and error formats, blocking
//! pools, workers, metrics and traces, start and stop. It knows no service and no domain.
//!
//! A service crate exports a [`ServiceDef`]; [`cli::run_service_binary`] is the only `main` of its own binary.

mod allocator;
mod caller_name;
pub mod cli;
pub mod clock;
pub mod config;
pub mod doctor;
mod error_format;
mod existing_database;
mod http;
mod idempotency;
pub mod ids;
mod instance;
mod leases;
mod log_fields;
pub mod metrics;
pub mod openapi;
pub mod pages;
mod pools;
mod private_paths;
pub mod problem;
mod process;
pub mod redaction;
mod secret;
mod serve;
mod service_def;
mod sha256;
pub mod signed_url;
pub mod telemetry;
mod worker;

pub use self::caller_name::{record_caller, render_user_name};
pub use self::clock::{Clock, SystemClock};
pub use self::config::{Config, ConfigError, ServiceSettings};
pub use self::doctor::{DoctorCtx, Finding};
pub use self::error_format::{ErrorFormat, FailedRequest, http_status};
pub use self::existing_database::{has_database, require_any_database, require_database};
pub use self::http::{
    API_KEY_PREFIX, ClientAddress, CredentialLocation, CredentialLocations, HealthChecks, LimitedBodyError, Listener,
    Mount, PathCredential, Peer, RequestCredential, RequestId, RouteInfo, SESSION_HANDLE_PREFIX, command_client,
    find_server_root, has_current_content, is_access_token, is_session_handle, is_stored_api_key, read_limited_body,
};
pub use self::http::{content_disposition, parameters};
pub use self::idempotency::{IdempotencyKey, StoredResponse};
pub use self::ids::{Ids, SystemIds};
pub use self::leases::{Lease, Leases};
pub use self::metrics::Metrics;
pub use self::pools::{Blocking, Pools};
pub use self::private_paths::{PrivatePath, check_storage};
pub use self::problem::{Code, Problem};
pub use self::process::Process;
pub use self::secret::Secret;
pub use self::serve::{Endpoints, ServeError, Server, Sources, open_database, serve_until_signal};
pub use self::service_def::{BuildError, Ctx, Running, ServiceDef};
pub use self::sha256::sha256_hex;
pub use self::worker::{Task, Worker};
pub use database::{
    self as db, BulkColumn, BulkRow, BulkText, Db, DbError, Engine, Isolation, Micros, Migration, Row, RowInsert,
    RowUpdate, Tx, Val, WriteOptions, fulltext,
};
/// The client type of [`Ctx::http`].
pub use reqwest_middleware::{ClientWithMiddleware as HttpClient, Error as HttpError};
