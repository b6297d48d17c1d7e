//! For tests only: services on free ports with their own databases, on both engines, with a clock that stands still.
//!
//! `PostgreSQL` is used when `TESTKIT_POSTGRES` holds the address of a server on which databases may be made;
//! `scripts/test` starts one and sets it.

mod app;
mod databases;

pub use self::app::TestApp;
pub use self::databases::{Backend, TestDb, backends, databases, lossy_postgres, postgres};
