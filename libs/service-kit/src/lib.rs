//! What every service is made of: configuration, database, HTTP with two listeners and error dialects, blocking pools,
//! start and stop. It knows no domain.
//!
//! A service crate exports a [`ServiceDef`]; [`serve`] is the only `main`.

pub mod clock;
pub mod config;
pub mod db;
mod dialect;
mod http;
pub mod ids;
pub mod log;
mod pools;
pub mod problem;
mod serve;

pub use self::clock::{Clock, SystemClock};
pub use self::config::{Config, ConfigError};
pub use self::db::{Db, DbError, Engine, Migration, Row, Tx, Val};
pub use self::dialect::Dialect;
pub use self::http::{Listener, Mount, RequestId};
pub use self::ids::{Ids, SystemIds};
pub use self::pools::Blocking;
pub use self::problem::{Code, Problem};
pub use self::serve::{
    BuildError, Ctx, Endpoints, Running, ServeError, Server, ServiceDef, Sources, Task, Worker, open_database, serve,
};
