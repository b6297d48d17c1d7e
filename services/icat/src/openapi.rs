//! The `OpenAPI` document. Operations are described at their handlers, shared shapes in `routes::schemas`.

use service_kit::openapi::Bearer;
use utoipa::OpenApi;

use crate::routes::schemas::Failure;
use crate::routes::{
    access, cloner, entity_manager, gatekeeper, port, properties, readable, schema, session, user, version,
};

/// `services/icat/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: catalogue",
        description = "The metadata catalogue in the REST interface of icat.server 6.2: sessions, and entities that \
            are searched, read, written and deleted as JSON.\n\nEntities have the types and fields of the ICAT schema. \
            Times are RFC 3339 in UTC with milliseconds. Every path answers OPTIONS with `Allow`, and every GET also as \
            HEAD. Other paths are answered 501 `NOT_IMPLEMENTED`, other methods 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "service", description = "Version, limits and authenticators"),
        (name = "sessions", description = "Log in, refresh and log out"),
        (name = "entities", description = "Search, read, create, change and delete"),
        (name = "schema", description = "Types of entities and their fields"),
        (name = "dumps", description = "Export and import of many entities"),
        (name = "administration", description = "Calls of older administration tools"),
    ),
    paths(
        version::get_version,
        properties::get_properties,
        session::create::log_in,
        session::get::get_session,
        session::refresh::refresh_session,
        session::end::log_out,
        user::is_logged_in,
        user::is_logged_in_with_mnemonic,
        entity_manager::read::read_entities,
        entity_manager::write::write_entities,
        entity_manager::delete::delete_entities,
        entity_manager::search::search_entities,
        cloner::clone_entity,
        port::export::export_entities,
        port::import::import_entities,
        access::is_access_allowed,
        readable::list_readable_rows,
        schema::list_entity_types,
        schema::get_entity_type,
        gatekeeper::mark_public_tables_stale,
        gatekeeper::mark_public_steps_stale,
    ),
    components(schemas(Failure)),
    modifiers(&BEARER),
)]
pub struct Document;

const BEARER: Bearer = Bearer("A session id, an access token or a session handle, instead of `sessionId`");
