//! ICAT+'s interface of the logbook (5.7): the mounts and the route table, nothing else.

pub mod event;
pub mod export;
pub mod import;
pub mod keys;
pub mod portal;
pub mod program;
pub mod records;
pub mod request;
pub mod resource;
pub mod stats;
pub mod tag;

use std::sync::Arc;

use identity::Place;
use service_kit::{ErrorFormat, Listener, Mount};

use crate::page;
use crate::state::State;

/// Old interfaces have the session id, or the API key, in the path; with a header, what stands in the path does not count.
pub const PLACES: &[Place] = &[Place::Header("x-api-key"), Place::Path("credential")];

pub fn mounts(state: &Arc<State>) -> Vec<Mount> {
    let mount = |prefix| {
        let mount = Mount::new(prefix, Listener::Public, ErrorFormat::IcatPlus).cors().state(Arc::clone(state));
        state.identity.guard(mount, PLACES)
    };
    vec![
        // Before the routes that take anything for a session.
        page::mount(state, &state.identity),
        mount("/logbook")
            .get("", page::lead_here)
            .get("/keys", keys::get)
            .get("/{credential}/event", event::list::get)
            .post("/{credential}/event", event::create::post)
            .put("/{credential}/event", event::update::put)
            .get("/{credential}/event/count", event::count::get)
            .get("/{credential}/event/dates", event::dates::get)
            .get("/{credential}/event/page", event::page::get)
            .put("/{credential}/event/remove", event::remove::put)
            .put("/{credential}/event/restore", event::restore::put)
            .get("/{credential}/export/pdf", export::pdf::get)
            .get("/{credential}/export/eln", export::eln::get)
            .get("/{credential}/export/csv", export::csv::get)
            .get("/{credential}/export/txt", export::text::get)
            .get("/{credential}/export/jsonl", export::json_lines::get)
            .get("/{credential}/search", event::search::get)
            .get("/{credential}/events/stream", event::stream::get)
            .post("/{credential}/import", import::post)
            .without_timeout()
            .get("/{credential}/records", records::get)
            .patch("/{credential}/events", event::retag::patch)
            .post("/{credential}/event/createfrombase64", event::create_from_base64::post)
            .get("/{credential}/tag", tag::list::get)
            .post("/{credential}/tag", tag::create::post)
            .put("/{credential}/tag", tag::update::put)
            .get("/{credential}/stats/count", stats::count::get)
            .get("/{credential}/stats/investigation", stats::investigation::get)
            .get("/{credential}/datafile/open", resource::datafile::get)
            .post(&format!("{BY_NAME}/event"), program::event::post)
            .post(&format!("{BY_NAME}/event/createfrombase64"), program::event_from_base64::post),
        mount("/dataacquisition")
            .post("/{credential}/notification", program::notification::post)
            .post("/{credential}/base64", program::base64::post)
            .post("/{credential}/events/move", program::relocate::post),
        mount("/resource")
            .post("/{credential}/file/upload", resource::upload::post)
            .without_timeout()
            .get("/{credential}/file/download", resource::download::get),
        mount("/actions").put("/{credential}/logbook/instrumentname", portal::instrument_name::put),
        mount("/messages").get("", portal::messages::get).put("/{credential}/information", portal::set_message::put),
        mount("/users")
            .get("/{credential}/preferences", portal::get_preferences::get)
            .put("/{credential}/preferences", portal::set_preferences::put),
    ]
}

/// Where beamline programs name investigation and instrument.
const BY_NAME: &str = "/{credential}/investigation/name/{investigationName}/instrument/name/{instrumentName}";
