//! ICAT's REST interface (icat.server 6.2) under `/icat`; what is not listed answers 501 `NOT_IMPLEMENTED`.

pub mod access;
pub mod cloner;
pub mod entity_manager;
pub mod gatekeeper;
mod http;
pub mod port;
pub mod properties;
pub mod readable;
pub mod schema;
pub mod schemas;
pub mod session;
pub mod user;
pub mod version;

use std::sync::Arc;

use service_kit::{CredentialLocation, CredentialLocations, Listener, Mount};

use crate::state::State;
use icat_client::ICAT_ERRORS;

pub fn build_mount(state: Arc<State>) -> Mount {
    Mount::new("/icat", Listener::Public, ICAT_ERRORS)
        .cors_for_everybody()
        .state(Arc::new(CredentialLocations(&[CredentialLocation::Parameter("sessionId")])))
        .state(state)
        .get("/version", version::get_version)
        .get("/properties", properties::get_properties)
        .post("/session", session::create::log_in)
        .get("/session/{id}", session::get::get_session)
        .put("/session/{id}", session::refresh::refresh_session)
        .delete("/session/{id}", session::end::log_out)
        .get("/user/{name}", user::is_logged_in)
        .get("/user/{mnemonic}/{name}", user::is_logged_in_with_mnemonic)
        .get("/entityManager", entity_manager::read::read_entities)
        .post("/entityManager", entity_manager::write::write_entities)
        .delete("/entityManager", entity_manager::delete::delete_entities)
        .post("/entityManager/search", entity_manager::search::search_entities)
        .post("/cloner", cloner::clone_entity)
        .get("/port", port::export::export_entities)
        .post("/port", port::import::import_entities)
        .without_timeout()
        .post("/isAccessAllowed", access::is_access_allowed)
        .get("/readable/{entity}", readable::list_readable_rows)
        .get("/schema", schema::list_entity_types)
        .get("/schema/{entity}", schema::get_entity_type)
        .post("/gatekeeper/markPublicTablesStale", gatekeeper::mark_public_tables_stale)
        .post("/gatekeeper/markPublicStepsStale", gatekeeper::mark_public_steps_stale)
}
