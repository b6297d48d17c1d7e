//! `GET /ids/getServiceStatus`: the queue of the archive, for administrators. Without an archive it is empty.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Permission;
use service_kit::{Code, Problem};

use super::parameters::Parameters;
use super::responses::json_response;
use super::wire_types::{Always, Failure, ServiceStatus};
use crate::state::State;

#[utoipa::path(
    get, path = "/ids/getServiceStatus", operation_id = "get_service_status", tag = "service",
    summary = "Get the queue of the archive",
    params(("sessionId" = Option<String>, Query, nullable = false, description = "Of a user in \
        `download.root_user_names` \
        or `identity.administrators`")),
    security((), ("bearer" = [])),
    responses(
        Always,
        (status = 200, description = "Always empty", body = ServiceStatus),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not an \
            administrator", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn get_service_status(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::from_query(&request)?;
    // The form of the session id is not checked, as in ids.server: ICAT refuses unknown ones.
    let credential = parameters.credential().unwrap_or_default();
    let caller = state.identity.verify_credential(credential).await?;
    let allowed = state.identity.check_permission(&caller, Permission::Administer).await?.allowed;
    let user = &caller.subject().icat_user_name;
    if !allowed && !state.config.root_user_names.contains(user) {
        let text = format!("{user} is not included in the ids rootUserNames set.");
        return Err(Problem::new(Code::Forbidden, "download/not-administrator", text));
    }
    Ok(json_response(r#"{"opsQueue":[],"lockCount":0,"locks":[],"failures":[]}"#.to_owned()))
}
