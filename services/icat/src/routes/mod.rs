//! ICAT's REST interface (icat.server 6.2) under `/icat`; what is not listed answers 501 `NOT_IMPLEMENTED`.

pub mod access;
pub mod cloner;
pub mod entity_manager;
pub mod gatekeeper;
pub mod port;
pub mod properties;
pub mod schema;
pub mod session;
pub mod user;
pub mod version;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use service_kit::{ErrorFormat, Listener, Mount, bearer_credential};

use crate::state::State;

pub fn mount(state: Arc<State>) -> Mount {
    Mount::new("/icat", Listener::Public, ErrorFormat::Icat)
        .cors_for_everybody()
        .state(state)
        .get("/version", version::get)
        .get("/properties", properties::get)
        .post("/session", session::create::post)
        .get("/session/{id}", session::get::get)
        .put("/session/{id}", session::refresh::put)
        .delete("/session/{id}", session::end::delete)
        .get("/user/{name}", user::get)
        .get("/user/{mnemonic}/{name}", user::get_with_mnemonic)
        .get("/entityManager", entity_manager::read::get)
        .post("/entityManager", entity_manager::write::post)
        .delete("/entityManager", entity_manager::delete::delete)
        .post("/entityManager/search", entity_manager::search::post)
        .post("/cloner", cloner::post)
        .get("/port", port::export::get)
        .post("/port", port::import::post)
        .without_timeout()
        .post("/isAccessAllowed", access::post)
        .get("/schema", schema::list)
        .get("/schema/{entity}", schema::get)
        .post("/gatekeeper/markPublicTablesStale", gatekeeper::tables)
        .post("/gatekeeper/markPublicStepsStale", gatekeeper::steps)
}

/// 200 with compact JSON; ICAT names no charset.
fn json(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body)
}

/// The session id of `Authorization: Bearer`, or from where the interface has it.
fn session_id(request: &HttpRequest, parameter: Option<String>) -> Option<String> {
    bearer_credential(request).map(str::to_owned).or(parameter)
}
