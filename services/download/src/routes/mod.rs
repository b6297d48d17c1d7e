//! The interface of ids.server 2.1 under `/ids`; other paths answer 501 `NOT_IMPLEMENTED`.

pub mod archive;
mod caller;
mod common_responses;
pub mod delete;
pub mod get_data;
pub mod get_datafile_ids;
pub mod get_icat_url;
pub mod get_link;
pub mod get_service_status;
pub mod get_size;
pub mod get_status;
pub mod is_prepared;
pub mod is_read_only;
pub mod is_two_level;
mod parameters;
pub mod ping;
pub mod prepare_data;
pub mod put;
pub mod reset;
mod responses;
pub mod restore;
pub mod version;
pub mod write;

use std::sync::Arc;

use service_kit::{CredentialLocation, CredentialLocations, Listener, Mount};

use crate::error_format::IDS_ERRORS;
use crate::state::State;

pub fn build_mount(state: Arc<State>) -> Mount {
    Mount::new("/ids", Listener::Public, IDS_ERRORS)
        .cors_for_everybody()
        .state(Arc::new(CredentialLocations(&[CredentialLocation::Parameter("sessionId")])))
        .state(state)
        .get("/ping", ping::get_ping)
        .get("/version", version::get_version)
        .get("/getIcatUrl", get_icat_url::get_icat_url)
        .get("/isReadOnly", is_read_only::is_read_only)
        .get("/isTwoLevel", is_two_level::is_two_level)
        .get("/getServiceStatus", get_service_status::get_service_status)
        .get("/getData", get_data::get_data)
        .get("/getDatafileIds", get_datafile_ids::get_datafile_ids)
        .get("/getSize", get_size::get_size)
        .get("/getStatus", get_status::get_status)
        .post("/prepareData", prepare_data::prepare_data)
        .get("/isPrepared", is_prepared::is_prepared)
        .post("/archive", archive::archive_data)
        .post("/restore", restore::restore_data)
        .post("/write", write::write_data)
        .post("/reset", reset::reset_failures)
        .put("/put", put::put_data)
        .without_timeout()
        .post("/put", put::put_form)
        .without_timeout()
        .delete("/delete", delete::delete_data)
        .post("/getLink", get_link::get_link)
}
