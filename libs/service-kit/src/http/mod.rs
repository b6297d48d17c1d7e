//! The HTTP floor: mounts, both listeners, and what surrounds every request.

mod boundary;
mod health;
mod mount;
mod server;

pub use self::boundary::RequestId;
pub(crate) use self::health::{Health, health_mount};
pub(crate) use self::mount::Table;
pub use self::mount::{Listener, Mount, MountError};
pub(crate) use self::server::{Listening, bind, start};
