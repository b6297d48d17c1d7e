//! The interface of ids.server 2.1 under `/ids`; what is not listed answers 501 `NOT_IMPLEMENTED`.

pub mod archive;
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
pub mod ping;
pub mod prepare_data;
pub mod put;
pub mod reset;
pub mod restore;
pub mod version;
pub mod write;

use std::sync::Arc;

use actix_web::HttpResponse;
use service_kit::{ErrorFormat, Listener, Mount, Problem};

use crate::parameters::Parameters;
use crate::selection::{Datafile, resolve};
use crate::session::who;
use crate::state::State;

pub fn mount(state: Arc<State>) -> Mount {
    Mount::new("/ids", Listener::Public, ErrorFormat::Ids)
        .cors_for_everybody()
        .state(state)
        .get("/ping", ping::get)
        .get("/version", version::get)
        .get("/getIcatUrl", get_icat_url::get)
        .get("/isReadOnly", is_read_only::get)
        .get("/isTwoLevel", is_two_level::get)
        .get("/getServiceStatus", get_service_status::get)
        .get("/getData", get_data::get)
        .get("/getDatafileIds", get_datafile_ids::get)
        .get("/getSize", get_size::get)
        .get("/getStatus", get_status::get)
        .post("/prepareData", prepare_data::post)
        .get("/isPrepared", is_prepared::get)
        .post("/archive", archive::post)
        .post("/restore", restore::post)
        .post("/write", write::post)
        .post("/reset", reset::post)
        .put("/put", put::put)
        .without_timeout()
        .post("/put", put::post)
        .without_timeout()
        .delete("/delete", delete::delete)
        .post("/getLink", get_link::post)
}

/// 200 with a text as old clients compare it: no line end.
fn text(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "text/plain")).body(body)
}

/// 200 with JSON.
fn json(body: String) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body)
}

/// The files of a call by ids, as its session sees them.
async fn resolved(state: &State, parameters: &Parameters) -> Result<Vec<Datafile>, Problem> {
    parameters.check_session()?;
    let wanted = parameters.wanted()?;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let who = who(state, parameters).await?;
    resolve(state.identity.icat(), who.session.expose(), &wanted).await
}
