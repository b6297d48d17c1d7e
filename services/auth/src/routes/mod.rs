//! The route table: access tokens and logins, and the sessions of ICAT+.

pub mod api_keys;
pub mod discovery;
mod end_login;
pub mod jwks;
pub mod logins;
pub mod logout;
pub mod oidc;
mod paging;
pub mod providers;
mod refresh_cookie;
mod resolve;
pub mod revoked;
pub mod session;
pub mod token;

use std::sync::Arc;

use service_kit::pages::page_mount;
use service_kit::{ErrorFormat, Listener, Mount};

use crate::error_format::{ICAT_PLUS_ERRORS, PAGE_ERRORS};
use crate::state::State;

pub fn build_mounts(state: &Arc<State>) -> Vec<Mount> {
    let mount = |prefix, listener, error_format| Mount::new(prefix, listener, error_format).state(Arc::clone(state));
    let public = |prefix| mount(prefix, Listener::Public, ErrorFormat::PROBLEM_DETAILS).cors();
    vec![
        public("/auth/v1")
            .header("cache-control", "no-store")
            .post("/token", token::create::create_token)
            .delete("/token", token::end::end_token)
            .post("/token/refresh", token::refresh::refresh_token)
            .post("/token/provider", token::create_from_provider::create_token_from_provider)
            .post("/logout", logout::log_out)
            .get("/logins", logins::list::list_logins)
            .delete("/logins/{id}", logins::end::end_login)
            .post("/api-keys", api_keys::create::create_api_key)
            .get("/api-keys", api_keys::list::list_api_keys)
            .delete("/api-keys/{id}", api_keys::revoke::revoke_api_key)
            .get("/providers", providers::list::list_providers)
            .get("/providers/{provider}/device", providers::device::get_device_login),
        page_mount("/auth/v1/oidc", PAGE_ERRORS)
            .state(Arc::clone(state))
            .header("cache-control", "no-store")
            .get("/{provider}/start", oidc::start::start_login)
            .get("/{provider}/callback", oidc::callback::finish_login),
        mount("/auth/v1/oidc/{provider}/backchannel-logout", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
            .header("cache-control", "no-store")
            .post("", oidc::backchannel_logout::end_logins),
        public("/auth/v1/revoked").compressed().get("", revoked::list_revoked),
        public("/.well-known/jwks.json").get("", jwks::get_keys),
        public("/.well-known/openid-configuration").get("", discovery::get_discovery),
        mount("/sessions/resolve", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .header("cache-control", "no-store")
            .post("", resolve::resolve_token),
        mount("/api-keys/resolve", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
            .header("cache-control", "no-store")
            .post("", api_keys::resolve::resolve_api_key),
        mount("/sessions/end", Listener::Internal, ErrorFormat::PROBLEM_DETAILS).post("", end_login::end_login),
        mount("/providers", Listener::Internal, ErrorFormat::PROBLEM_DETAILS).get("", providers::list::list_providers),
        mount("/session", Listener::Public, ICAT_PLUS_ERRORS)
            .cors()
            .post("", session::create::create_session)
            .get("/{id}", session::get::get_session)
            .put("/{id}", session::refresh::refresh_session)
            .delete("/{id}", session::end::end_session),
    ]
}
