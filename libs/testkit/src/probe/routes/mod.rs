//! The mounts and the route table, nothing else.

pub mod effects;
pub mod things;

use std::sync::Arc;

use identity::Identity;
use service_kit::{ErrorFormat, Listener, Mount};

use super::state::State;

pub fn build_mount(state: Arc<State>, identity: &Identity) -> Mount {
    let mount = Mount::new("/probe", Listener::Public, ErrorFormat::PROBLEM_DETAILS).state(state).cors();
    identity
        .accept_credentials(mount, &[])
        // Of these only the first takes a `Caller`; the others are open to everybody.
        .post("/things", things::create::create_thing)
        .get("/things/{id}", things::get::get_thing)
        .get("/effects", effects::list::list_effects)
}
