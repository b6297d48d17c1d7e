//! The `OpenAPI` document. Each operation is described at its handler.

use service_kit::openapi::{ApiKey, Bearer};
use utoipa::OpenApi;

use crate::api::{attachments, entries, export, history, import, portal, programs, statistics, tags};

/// `services/logbook/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: logbook",
        description = "The logbook, in the interface of ICAT+ 5.7.\n\nThe status of every success is 200. Errors are plain text. \
            Send the session id or API key in the path, as `Authorization: Bearer`, or as `X-Api-Key`; with a header, the \
            credential in the path is ignored. Every path answers OPTIONS with `Allow`, and every GET also as HEAD; other \
            methods are answered 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "entries", description = "Read, search, write, change and tag entries"),
        (name = "attachments", description = "Files of entries"),
        (name = "tags", description = "Definitions of tags"),
        (name = "exports", description = "Export and import of logbooks"),
        (name = "history", description = "The signed history of a logbook"),
        (name = "programs", description = "Entries and files of beamline programs, with an API key"),
        (name = "statistics", description = "Numbers of entries, for administrators"),
        (name = "portal", description = "Banners and settings of a portal"),
        (name = "administration", description = "Corrections of old entries"),
    ),
    paths(
        entries::list::list_entries,
        export::pdf::export_pdf,
        export::eln::export_eln,
        export::csv::export_csv,
        export::text::export_text,
        export::json_lines::export_json_lines,
        import::import_entries,
        history::list_keys::list_keys,
        history::list_records::list_records,
        entries::create::create_entry,
        entries::update::update_entry,
        entries::count::count_entries,
        entries::list_days::list_days,
        entries::find_page::find_page,
        entries::remove::remove_entries,
        entries::restore::restore_entries,
        entries::retag::retag_entries,
        entries::search::search_entries,
        entries::stream::stream_entries,
        entries::create_from_base64::create_entry_from_base64,
        tags::list::list_tags,
        tags::create::create_tag,
        tags::update::update_tag,
        statistics::count_per_day::count_per_day,
        statistics::count_per_investigation::count_per_investigation,
        attachments::open_datafile::open_datafile,
        programs::create_entry_by_name::create_entry_by_name,
        programs::create_entry_by_name_from_base64::create_entry_by_name_from_base64,
        programs::create_notification::create_notification,
        programs::create_attachment::create_attachment,
        programs::move_entries::move_entries,
        attachments::upload_file::upload_file,
        attachments::download_file::download_file,
        portal::fill_instrument_names::fill_instrument_names,
        portal::list_messages::list_messages,
        portal::set_message::set_message,
        portal::get_preferences::get_preferences,
        portal::set_preferences::set_preferences,
    ),
    modifiers(&BEARER, &ApiKey),
)]
pub struct Document;

const BEARER: Bearer = Bearer("A session id, an access token or an API key, instead of the one in the path");
