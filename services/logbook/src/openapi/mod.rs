//! The `OpenAPI` document: the operations stand at their handlers, what several of them share stands here.

mod queries;
mod shapes;

use std::collections::BTreeMap;

use service_kit::openapi::{Bearer, later, of, text};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, OpenApi};

pub use self::queries::{BookQuery, FilterQuery, InvestigationQuery, ListQuery, SearchQuery, StreamQuery};
pub use self::shapes::{
    Binary, DayCount, Entries, Entry, Filled, Found, FromBase64, Imported, InvestigationCount, KeySet, Message, Meta,
    Moved, Preferences, Tag, TagName, UploadForm,
};
use crate::routes::{event, import, keys, portal, program, records, resource, stats, tag};

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
    paths(
        event::list::get,
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
    modifiers(&BEARER),
)]
pub struct Document;

const BEARER: Bearer = Bearer("A session id, an access token or an API key, in place of the one in the path");

/// What every operation may answer.
pub struct Always;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            of("400", text("The request cannot be understood; the text says what is wrong")),
            of("401", text("No session, or one that has ended")),
            of("413", text("The body is too large")),
            of("429", later(text("Too many requests from this address"))),
            of("500", text("A fault of the server")),
            of("502", text("ICAT answered something unexpected")),
            of("503", later(text("Too busy, or ICAT does not answer"))),
        ])
    }
}
