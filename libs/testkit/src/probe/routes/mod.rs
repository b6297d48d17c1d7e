//! The mounts and the route table, nothing else.

pub mod effects;
pub mod things;

use std::sync::Arc;

use service_kit::{Dialect, Listener, Mount};

use super::state::State;

pub fn mount(state: Arc<State>) -> Mount {
    Mount::new("/probe", Listener::Public, Dialect::Problem)
        .state(state)
        .cors()
        .post("/things", things::create::post)
        .get("/things/{id}", things::get::get)
        .get("/effects", effects::list::get)
}
