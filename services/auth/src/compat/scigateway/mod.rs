//! The interface of scigateway-auth 0.1.0, which SciGateway and its plugins call, below `auth.scigateway_prefix`. Statuses and
//! bodies are those of that program, with these exceptions: refused bodies are not repeated, refresh tokens are replaced at
//! each use, a token is only valid while its login lives, and `/logout` and `/jwks.json` exist.

pub mod authenticators;
mod bodies;
mod cookie;
mod failures;
mod fields;
mod json_offset;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod maintenance;
mod maintenance_notice;
pub mod oidc_login;
pub mod oidc_providers;
pub mod oidc_token;
pub mod refresh;
pub mod scheduled_maintenance;
mod token_body;
pub mod verify;

use std::sync::Arc;

use service_kit::{Listener, Mount};

use crate::error_format::SCIGATEWAY_ERRORS;
use crate::state::State;

/// The interface, unless the settings turn it off.
pub fn build_mounts(state: &Arc<State>) -> Vec<Mount> {
    if state.config.scigateway_prefix.is_empty() {
        return Vec::new();
    }
    let mount = Mount::new(state.config.scigateway_prefix.clone(), Listener::Public, SCIGATEWAY_ERRORS)
        .state(Arc::clone(state))
        .cors()
        .header("cache-control", "no-store")
        .only_listed_methods()
        .redirect_trailing_slash()
        .get("/authenticators", authenticators::list_authenticators)
        .get("/oidc_providers", oidc_providers::list_providers)
        .post("/login", login::log_in)
        .post("/oidc_token/{provider}", oidc_token::exchange_code)
        .post("/oidc_login/{provider}", oidc_login::log_in_with_id_token)
        .post("/refresh", refresh::refresh_token)
        .post("/verify", verify::verify_token)
        .get("/maintenance", maintenance::get_state)
        .put("/maintenance", maintenance::put_state)
        .post("/maintenance", maintenance::post_state)
        .get("/scheduled_maintenance", scheduled_maintenance::get_state)
        .put("/scheduled_maintenance", scheduled_maintenance::put_state)
        .post("/scheduled_maintenance", scheduled_maintenance::post_state)
        .post("/logout", logout::log_out)
        .get("/jwks.json", jwks::get_keys);
    vec![mount]
}
