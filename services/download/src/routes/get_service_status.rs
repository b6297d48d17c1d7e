//! `GET /ids/getServiceStatus`: the queue of the archive, for administrators. Without an archive it is empty.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Permission;
use serde::Serialize;
use service_kit::parameters::parse_query;
use service_kit::{Code, Problem};
use utoipa::ToSchema;

use super::caller::SentCredential;
use super::common_responses::CommonResponses;
use super::parameters::SelectionParameters;
use crate::error_format::Failure;
use crate::state::State;

/// The queue of the archive, which is always empty.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    ops_queue: Vec<String>,
    lock_count: i64,
    locks: Vec<String>,
    failures: Vec<i64>,
}

#[utoipa::path(
    get, path = "/ids/getServiceStatus", operation_id = "get_service_status", tag = "service",
    summary = "Get the queue of the archive",
    params(("sessionId" = Option<String>, Query, nullable = false, description = "A session of a user in \
        `download.root_user_names` or `identity.administrators`")),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "Always empty", body = ServiceStatus),
        (status = 403, description = "`InsufficientPrivilegesException`: no session, or not an \
            administrator", body = Failure),
        (status = 502, description = "`InternalException`: ICAT sent an invalid answer", body = Failure),
    ),
)]
pub async fn get_service_status(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let parameters: SelectionParameters = parse_query(&request)?;
    // The form of the session id is not checked, as in ids.server: ICAT refuses unknown ones.
    let credential = SentCredential::from_request(&request, parameters.session_id.as_deref())?;
    let caller = credential.verify(&state.identity).await?;
    let decision = state.identity.check_permission(&caller, Permission::Administer).await?;
    let user = &caller.subject().icat_user_name;
    if decision.missing_level.is_some() {
        decision.require_allowed()?;
    } else if state.config.root_user_names.contains(user) {
        caller.require_scope(Permission::Administer.required_scope())?;
    } else if !decision.allowed {
        let text = format!("{user} is not included in the ids rootUserNames set.");
        return Err(Problem::new(Code::Forbidden, "download/not-administrator", text));
    }
    Ok(HttpResponse::Ok().json(ServiceStatus::default()))
}
