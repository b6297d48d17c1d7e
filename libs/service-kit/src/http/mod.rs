//! HTTP: mounts, both listeners, and what surrounds every request.

mod address;
mod body;
mod client;
mod conditional;
pub mod content_disposition;
mod cors;
mod credentials;
mod framing;
mod health;
mod limited_body;
mod limits;
mod mount;
pub mod parameters;
mod request_middleware;
mod self_calls;
mod server;
mod server_root;

pub use self::address::ClientAddress;
pub use self::client::{Peer, command_client};
pub(crate) use self::client::{finish_client, instrument_client};
pub use self::conditional::has_current_content;
pub use self::credentials::{
    API_KEY_PREFIX, CredentialLocation, CredentialLocations, PathCredential, RequestCredential, SESSION_HANDLE_PREFIX,
    is_access_token, is_session_handle, is_stored_api_key,
};
pub use self::health::HealthChecks;
pub(crate) use self::health::{Health, health_mounts};
pub use self::limited_body::{LimitedBodyError, read_limited_body};
pub(crate) use self::mount::Table;
pub use self::mount::{Listener, Mount, MountError, RouteInfo};
pub use self::request_middleware::RequestId;
pub(crate) use self::self_calls::SelfCalls;
pub(crate) use self::server::{Listening, Site, bind_listener, explain_bind_error, start_server};
pub use self::server_root::find_server_root;

/// The methods of RFC 9110 and PATCH; others are one, so that callers cannot fill metrics with names of their own.
fn method_name(method: &str) -> &'static str {
    const KNOWN: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}
