//! ICAT+'s session interface: the mounts and the route table, nothing else.

mod session;

use std::sync::Arc;

use service_kit::{Dialect, Listener, Mount};

use crate::state::State;

pub fn mount(state: Arc<State>) -> Mount {
    Mount::new("/session", Listener::Public, Dialect::IcatPlus)
        .state(state)
        .post("", session::create::post)
        .get("/{id}", session::get::get)
        .put("/{id}", session::refresh::put)
        .delete("/{id}", session::end::delete)
}
