//! ICAT's REST interface (icat.server 6.2) under `/icat`; what is not listed answers 501 `NOT_IMPLEMENTED`.

pub mod entity_manager;
pub mod properties;
pub mod session;
pub mod user;
pub mod version;

use std::sync::Arc;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse};
use service_kit::{Dialect, Listener, Mount};

use crate::state::State;

pub fn mount(state: Arc<State>) -> Mount {
    Mount::new("/icat", Listener::Public, Dialect::Icat)
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-methods", "GET, POST, DELETE, PUT")
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
}

/// 200 with compact JSON; ICAT names no charset.
fn json(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body)
}

/// The session id from where the interface has it, or from `Authorization: Bearer`.
fn session_id(request: &HttpRequest, parameter: Option<String>) -> Option<String> {
    parameter.or_else(|| {
        let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
        header.strip_prefix("Bearer ").map(str::to_owned)
    })
}
