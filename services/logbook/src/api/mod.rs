//! ICAT+'s interface of the logbook (5.7): the mounts and the route table, nothing else.

pub mod attachments;
pub mod document;
pub mod entries;
pub mod export;
pub mod file_body;
pub mod history;
pub mod import;
pub mod portal;
pub mod programs;
pub mod shared;
pub mod statistics;
pub mod tags;

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use identity::CredentialLocation;
use service_kit::{ErrorFormat, Listener, Mount};

use crate::http::PAGE_ADDRESS;
use crate::state::State;

/// Old interfaces have the session id, or the API key, in the path; with a header, what stands in the path does not count.
const CREDENTIAL_LOCATIONS: &[CredentialLocation] =
    &[CredentialLocation::Header("x-api-key"), CredentialLocation::Path("credential")];

pub fn create_mounts(state: &State) -> Vec<Mount> {
    let mount = |prefix| {
        let mount = Mount::new(prefix, Listener::Public, ErrorFormat::PLAIN_TEXT).cors();
        state.identity.accept_credentials(state.register(mount), CREDENTIAL_LOCATIONS)
    };
    vec![
        mount("/logbook")
            .get("", redirect_to_page)
            .get("/keys", history::list_keys::list_keys)
            .get("/{credential}/event", entries::list::list_entries)
            .post("/{credential}/event", entries::create::create_entry)
            .put("/{credential}/event", entries::update::update_entry)
            .get("/{credential}/event/count", entries::count::count_entries)
            .get("/{credential}/event/dates", entries::list_days::list_days)
            .get("/{credential}/event/page", entries::find_page::find_page)
            .put("/{credential}/event/remove", entries::remove::remove_entries)
            .put("/{credential}/event/restore", entries::restore::restore_entries)
            .get("/{credential}/export/pdf", export::pdf::export_pdf)
            .get("/{credential}/export/eln", export::eln::export_eln)
            .get("/{credential}/export/csv", export::csv::export_csv)
            .get("/{credential}/export/txt", export::text::export_text)
            .get("/{credential}/export/jsonl", export::json_lines::export_json_lines)
            .get("/{credential}/search", entries::search::search_entries)
            .get("/{credential}/events/stream", entries::stream::stream_entries)
            .post("/{credential}/import", import::import_entries)
            .without_timeout()
            .get("/{credential}/records", history::list_records::list_records)
            .patch("/{credential}/events", entries::retag::retag_entries)
            .post("/{credential}/event/createfrombase64", entries::create_from_base64::create_entry_from_base64)
            .get("/{credential}/tag", tags::list::list_tags)
            .post("/{credential}/tag", tags::create::create_tag)
            .put("/{credential}/tag", tags::update::update_tag)
            .get("/{credential}/stats/count", statistics::count_per_day::count_per_day)
            .get("/{credential}/stats/investigation", statistics::count_per_investigation::count_per_investigation)
            .get("/{credential}/datafile/open", attachments::open_datafile::open_datafile)
            .post(&format!("{BY_NAME}/event"), programs::create_entry_by_name::create_entry_by_name)
            .post(
                &format!("{BY_NAME}/event/createfrombase64"),
                programs::create_entry_by_name_from_base64::create_entry_by_name_from_base64,
            ),
        mount("/dataacquisition")
            .post("/{credential}/notification", programs::create_notification::create_notification)
            .post("/{credential}/base64", programs::create_attachment::create_attachment)
            .post("/{credential}/events/move", programs::move_entries::move_entries),
        mount("/resource")
            .post("/{credential}/file/upload", attachments::upload_file::upload_file)
            .without_timeout()
            .get("/{credential}/file/download", attachments::download_file::download_file),
        mount("/actions")
            .put("/{credential}/logbook/instrumentname", portal::fill_instrument_names::fill_instrument_names),
        mount("/messages")
            .get("", portal::list_messages::list_messages)
            .put("/{credential}/information", portal::set_message::set_message),
        mount("/users")
            .get("/{credential}/preferences", portal::get_preferences::get_preferences)
            .put("/{credential}/preferences", portal::set_preferences::set_preferences),
    ]
}

/// Where beamline programs name investigation and instrument.
const BY_NAME: &str = "/{credential}/investigation/name/{investigationName}/instrument/name/{instrumentName}";

/// `GET /logbook`: leads to the page.
async fn redirect_to_page() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, PAGE_ADDRESS)).finish()
}
