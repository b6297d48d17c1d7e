//! For tests only: services on free ports with their own databases, on both engines, with a clock that stands still;
//! and, where a test needs more than one process, the same services as processes that can be killed.
//!
//! `PostgreSQL` is used when `TESTKIT_POSTGRES` holds the address of a server on which databases may be made;
//! `scripts/test` starts one and sets it. [`probe`] is the worked example of a service.

mod app;
mod authenticator;
mod callers;
mod databases;
mod described;
mod environment;
mod failures;
mod fake_errors;
mod issuer;
mod manual_clock;
mod nats;
mod ports;
pub mod probe;
mod process;
pub mod recorder;
mod signals;
mod small_disk;
mod waiting;

pub use self::app::TestApp;
pub use self::authenticator::AUTHENTICATOR;
pub use self::callers::{KEY, key_of};
pub use self::databases::{Backend, TestDb, create_databases, list_backends, lossy_postgres_url, postgres_url};
pub use self::described::{assert_described, assert_described_as, assert_described_but};
pub use self::environment::number_from_environment;
pub use self::failures::{Failure, FailureTexts, assert_failures};
pub use self::fake_errors::FAKE_ICAT_ERRORS;
pub use self::issuer::{ISSUER, Issuer, emit_session_ended};
pub use self::manual_clock::ManualClock;
pub use self::nats::Nats;
pub use self::ports::free_port;
pub use self::process::{Process, run_child_process};
pub use self::small_disk::SmallDisk;
pub use self::waiting::{wait_for, wait_until};
