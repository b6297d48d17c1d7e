//! The `OpenAPI` document: the operations stand at their handlers, what several of them share stands here.

mod queries;
mod shapes;

use std::collections::BTreeMap;

use service_kit::openapi::{ApiKey, Bearer, plain_text_response, response_entry, with_retry_after};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, OpenApi};

pub use self::queries::{
    BookQuery, Credential, CsvQuery, EntryQuery, FilterQuery, InvestigationQuery, ListQuery, SearchQuery, StreamQuery,
};
pub use self::shapes::{
    Binary, DayCount, ExcerptPiece, Filled, Found, FromBase64, Hit, InvestigationCount, KeySet, Meta, Moved, PageOf,
    Preferences, PublicKey, UploadForm,
};
use crate::routes::{event, export, import, keys, portal, program, records, resource, stats, tag};

/// `services/logbook/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: logbook",
        description = "The electronic logbook in the interface of ICAT+ 5.7.\n\nSuccess is always 200. Failures are plain \
            text. The session id or API key stands in the path, or as `Authorization: Bearer`, or in `X-Api-Key`; what then \
            stands in the path does not count. Every address answers OPTIONS with `Allow`, every GET also as HEAD; a method \
            that is not listed answers 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "entries", description = "Read, search, write, change and tag entries"),
        (name = "attachments", description = "Files of entries"),
        (name = "tags", description = "Definitions of tags"),
        (name = "exports", description = "A logbook as a file, and back"),
        (name = "history", description = "The signed history of a logbook"),
        (name = "programs", description = "What programs of beamlines write, with an API key"),
        (name = "statistics", description = "How much is written, for administrators"),
        (name = "portal", description = "Banners and settings of a portal"),
        (name = "administration", description = "Repair of old entries"),
    ),
    paths(
        event::list::get,
        export::pdf::get,
        export::eln::get,
        export::csv::get,
        export::text::get,
        export::json_lines::get,
        import::post,
        keys::get,
        records::get,
        event::create::post,
        event::update::put,
        event::count::get,
        event::dates::get,
        event::page::get,
        event::remove::put,
        event::restore::put,
        event::retag::patch,
        event::search::get,
        event::stream::get,
        event::create_from_base64::post,
        tag::list::get,
        tag::create::post,
        tag::update::put,
        stats::count::get,
        stats::investigation::get,
        resource::datafile::get,
        program::event::post,
        program::event_from_base64::post,
        program::notification::post,
        program::base64::post,
        program::relocate::post,
        resource::upload::post,
        resource::download::get,
        portal::instrument_name::put,
        portal::messages::get,
        portal::set_message::put,
        portal::get_preferences::get,
        portal::set_preferences::put,
    ),
    modifiers(&BEARER, &ApiKey),
)]
pub struct Document;

const BEARER: Bearer = Bearer("A session id, an access token or an API key, in place of the one in the path");

/// What every operation may answer.
pub struct Always;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("400", plain_text_response("The request cannot be understood; the text says what is wrong")),
            response_entry("401", plain_text_response("No session, or one that has ended")),
            response_entry("413", plain_text_response("The body is too large")),
            response_entry("429", with_retry_after(plain_text_response("Too many requests from this address"))),
            response_entry("500", plain_text_response("A fault of the server")),
            response_entry("502", plain_text_response("ICAT answered something unexpected")),
            response_entry("503", with_retry_after(plain_text_response("Too busy, or ICAT does not answer"))),
        ])
    }
}
