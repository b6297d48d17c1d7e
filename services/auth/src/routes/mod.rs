//! Our own interface for tokens, and ICAT+'s for sessions: the mounts and the route table, nothing else.

pub mod jwks;
mod resolve;
pub mod session;
pub mod token;

use std::sync::Arc;

use service_kit::{Dialect, Listener, Mount};

use crate::state::State;

pub fn mounts(state: &Arc<State>) -> Vec<Mount> {
    let mount = |prefix, listener, dialect| Mount::new(prefix, listener, dialect).state(Arc::clone(state));
    vec![
        mount("/auth/v1/token", Listener::Public, Dialect::Problem)
            .cors()
            .header("cache-control", "no-store")
            .post("", token::create::post)
            .delete("", token::end::delete),
        mount("/.well-known/jwks.json", Listener::Public, Dialect::Problem).cors().get("", jwks::get),
        mount("/sessions/resolve", Listener::Internal, Dialect::Problem)
            .header("cache-control", "no-store")
            .post("", resolve::post),
        mount("/session", Listener::Public, Dialect::IcatPlus)
            .cors()
            .post("", session::create::post)
            .get("/{id}", session::get::get)
            .put("/{id}", session::refresh::put)
            .delete("/{id}", session::end::delete),
    ]
}
