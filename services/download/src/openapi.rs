//! The `OpenAPI` document: its operations are documented at their handlers, its shared parts in `routes::common_responses` and `routes::parameters`.

use service_kit::openapi::Bearer;
use utoipa::OpenApi;

use crate::error_format::Failure;
use crate::routes::{
    archive, delete, get_data, get_datafile_ids, get_icat_url, get_link, get_service_status, get_size, get_status,
    is_prepared, is_read_only, is_two_level, ping, prepare_data, put, reset, restore, version, write,
};

/// `services/download/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: download",
        description = "Data files in the interface of ids.server 2.1 for a storage without archive: single files, and \
            selections of any size as ZIP or tar, with lengths, validators and ranges.\n\nICAT decides with the \
            session of the caller what may be downloaded. Every path answers OPTIONS with `Allow`, and every GET also \
            as HEAD. Other paths answer 501 `NOT_IMPLEMENTED`, other methods 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "data", description = "Files and selections of files"),
        (name = "selections", description = "Selections that are prepared for later"),
        (name = "uploads", description = "Store and delete files"),
        (name = "archive", description = "Operations of ids.server on an archive, which does not exist here"),
        (name = "service", description = "Version and state"),
    ),
    paths(
        ping::get_ping, version::get_version, get_icat_url::get_icat_url, is_read_only::is_read_only,
        is_two_level::is_two_level, get_service_status::get_service_status, get_data::get_data,
        get_datafile_ids::get_datafile_ids, get_size::get_size, get_status::get_status, prepare_data::prepare_data,
        is_prepared::is_prepared, archive::archive_data, restore::restore_data, write::write_data,
        reset::reset_failures, put::put_data, put::put_form, delete::delete_data, get_link::get_link,
    ),
    components(schemas(Failure)),
    modifiers(&BEARER),
)]
pub struct Document;

const BEARER: Bearer = Bearer("An access token or an ICAT session id, instead of `sessionId`");
