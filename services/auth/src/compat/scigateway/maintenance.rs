//! `/maintenance`: what portals show while the facility is being maintained.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use super::failures::{CommonScigatewayFailures, ScigatewayBodyFailures};
use super::maintenance_notice::{Notice, get_notice, set_notice};
use crate::domain::maintenance::{MaintenanceKind, MaintenanceState};
use crate::error_format::ScigatewayFailure;
use crate::request_origin::RequestOrigin;
use crate::state::State;

/// A notice of maintenance.
#[derive(Serialize, ToSchema)]
#[schema(as = Maintenance)]
pub struct CurrentMaintenance {
    show: bool,
    message: String,
}

const CURRENT: Notice = Notice {
    kind: MaintenanceKind::Current,
    field: "maintenance",
    has_severity: false,
    updated: "Maintenance state successfully updated",
    refused: "Unable to update maintenance state",
    not_read: "Failed to get maintenance state",
    not_stored: "Failed to update maintenance state",
};

#[utoipa::path(
    get, path = "/auth/maintenance", operation_id = "get_maintenance", tag = "scigateway",
    summary = "Get the notice of maintenance (SciGateway)",
    security(),
    responses(CommonScigatewayFailures, (status = 200, description = "The notice", body = CurrentMaintenance)),
)]
pub async fn get_state(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let MaintenanceState { show, message, .. } = get_notice(&state, &CURRENT).await?;
    Ok(HttpResponse::Ok().json(CurrentMaintenance { show, message }))
}

#[utoipa::path(
    put, path = "/auth/maintenance", operation_id = "put_maintenance", tag = "scigateway",
    summary = "Set the notice of maintenance (SciGateway)",
    description = "The body is the notice, with the token of an administrator as `Authorization: Bearer`; or, as SciGateway \
        3.0.1 sends it, `{\"token\": …, \"maintenance\": …}` without the header.",
    request_body(content = CurrentMaintenance, content_type = "application/json"),
    security((), ("bearer" = [])),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "`Maintenance state successfully updated`", body = String,
            content_type = "application/json"),
        (status = 401, description = "There is no token", body = ScigatewayFailure),
        (status = 403, description = "The token is not valid, or not of an administrator", body = ScigatewayFailure),
    ),
)]
pub async fn put_state(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    set_notice(&state, &origin.0, &request, &body, &CURRENT).await
}

/// Some versions of SciGateway send POST.
#[utoipa::path(
    post, path = "/auth/maintenance", operation_id = "post_maintenance", tag = "scigateway",
    summary = "Set the notice of maintenance (SciGateway with POST)",
    request_body(content = CurrentMaintenance, content_type = "application/json"),
    security((), ("bearer" = [])),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "`Maintenance state successfully updated`", body = String,
            content_type = "application/json"),
        (status = 401, description = "There is no token", body = ScigatewayFailure),
        (status = 403, description = "The token is not valid, or not of an administrator", body = ScigatewayFailure),
    ),
)]
pub async fn post_state(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    set_notice(&state, &origin.0, &request, &body, &CURRENT).await
}
