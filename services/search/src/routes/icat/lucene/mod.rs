//! The older search of icat.server 6.2, and what its root users do with the index (`/icat/lucene`).

pub mod commit;
pub mod list_populations;
pub mod populate;
pub mod populate_from;
pub mod search_ids;
pub mod stop_populations;

use actix_web::HttpRequest;
use identity::Permission;
use serde::Deserialize;
use service_kit::{ClientAddress, Code, Problem, RequestCredential};
use utoipa::ToSchema;

use crate::catalogue::ENTITY_NAMES;
use crate::error::Error;
use crate::routes::lucene::request::parse_entity;
use crate::state::State;

/// The form of a request without other parameters.
#[derive(Deserialize, ToSchema)]
pub struct SessionForm {
    /// The session id; it can also be sent as `Authorization: Bearer`
    #[serde(rename = "sessionId")]
    pub session_id: Option<String>,
}

/// In icat.server, these requests are for its root users; here for the administrators of services, because the rows of the whole
/// catalogue are read, and it takes long. `session_id` is the value in a form.
async fn require_administrator(state: &State, request: &HttpRequest, session_id: Option<&str>) -> Result<(), Problem> {
    let credential = RequestCredential::find_with_parameter(request, session_id)?.ok_or_else(|| {
        let text = "the session id is missing: send sessionId, or Authorization: Bearer";
        Problem::new(Code::Unauthenticated, "identity/no-credentials", text)
    })?;
    let caller = state.identity.verify_credential(&credential.text, ClientAddress::find_in_request(request)).await?;
    state.identity.require_permission(&caller, Permission::Administer).await
}

/// Has all rows of an entity read again, unless that is under way. Entities that are not indexed are ignored.
async fn populate_entity(state: &State, name: &str) -> Result<(), Problem> {
    let Some(entity) = parse_entity(name)?.map(|entity| entity.to_string()) else { return Ok(()) };
    if !state.index_status.progress.reads_catalogue() {
        return Err(Error::FilledByIcatServer.into());
    }
    let Some(entity) = ENTITY_NAMES.iter().find(|known| **known == entity) else { return Ok(()) };
    if state.changes.request_scan(entity).await? {
        Ok(())
    } else {
        Err(Error::AlreadyRequested((*entity).to_owned()).into())
    }
}
