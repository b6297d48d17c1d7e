//! Our own interface for tokens, and ICAT+'s for sessions: the mounts and the route table, nothing else.

pub mod jwks;
mod resolve;
pub mod session;
pub mod token;

use std::sync::Arc;

use service_kit::{ErrorFormat, Listener, Mount};

use crate::state::State;

pub fn mounts(state: &Arc<State>) -> Vec<Mount> {
    let mount = |prefix, listener, error_format| Mount::new(prefix, listener, error_format).state(Arc::clone(state));
    vec![
        mount("/auth/v1/token", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .cors()
            .header("cache-control", "no-store")
            .post("", token::create::post)
            .delete("", token::end::delete),
        mount("/.well-known/jwks.json", Listener::Public, ErrorFormat::PROBLEM_DETAILS).cors().get("", jwks::get),
        mount("/sessions/resolve", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .header("cache-control", "no-store")
            .post("", resolve::post),
        mount("/session", Listener::Public, ErrorFormat::PLAIN_TEXT)
            .cors()
            .post("", session::create::post)
            .get("/{id}", session::get::get)
            .put("/{id}", session::refresh::put)
            .delete("/{id}", session::end::delete),
    ]
}
