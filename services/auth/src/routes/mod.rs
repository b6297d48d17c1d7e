//! The route table: access tokens, and the sessions of ICAT+.

pub mod jwks;
mod resolve;
pub mod session;
pub mod token;

use std::sync::Arc;

use service_kit::{ErrorFormat, Listener, Mount};

use crate::error_format::ICAT_PLUS_ERRORS;
use crate::state::State;

pub fn build_mounts(state: &Arc<State>) -> Vec<Mount> {
    let mount = |prefix, listener, error_format| Mount::new(prefix, listener, error_format).state(Arc::clone(state));
    vec![
        mount("/auth/v1/token", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .cors()
            .header("cache-control", "no-store")
            .post("", token::create::create_token)
            .delete("", token::end::end_token),
        mount("/.well-known/jwks.json", Listener::Public, ErrorFormat::PROBLEM_DETAILS).cors().get("", jwks::get_keys),
        mount("/sessions/resolve", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .header("cache-control", "no-store")
            .post("", resolve::resolve_token),
        mount("/session", Listener::Public, ICAT_PLUS_ERRORS)
            .cors()
            .post("", session::create::create_session)
            .get("/{id}", session::get::get_session)
            .put("/{id}", session::refresh::refresh_session)
            .delete("/{id}", session::end::end_session),
    ]
}
