//! `/scheduled_maintenance`: what portals show before the facility is maintained.

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

/// A notice of maintenance that is planned.
#[derive(Serialize, ToSchema)]
pub struct ScheduledMaintenance {
    show: bool,
    message: String,
    /// A word that the portal knows: `success`, `warning`, `error`, `information` or `info`.
    #[schema(example = "warning")]
    severity: String,
}

const SCHEDULED: Notice = Notice {
    kind: MaintenanceKind::Scheduled,
    field: "scheduledMaintenance",
    has_severity: true,
    updated: "Scheduled maintenance state successfully updated",
    refused: "Unable to update scheduled maintenance state",
    not_read: "Failed to get scheduled maintenance state",
    not_stored: "Failed to update scheduled maintenance state",
};

#[utoipa::path(
    get, path = "/auth/scheduled_maintenance", operation_id = "get_scheduled_maintenance", tag = "scigateway",
    summary = "Get the notice of scheduled maintenance (SciGateway)",
    security(),
    responses(CommonScigatewayFailures, (status = 200, description = "The notice", body = ScheduledMaintenance)),
)]
pub async fn get_state(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let MaintenanceState { show, message, severity } = get_notice(&state, &SCHEDULED).await?;
    Ok(HttpResponse::Ok().json(ScheduledMaintenance { show, message, severity }))
}

#[utoipa::path(
    put, path = "/auth/scheduled_maintenance", operation_id = "put_scheduled_maintenance", tag = "scigateway",
    summary = "Set the notice of scheduled maintenance (SciGateway)",
    description = "The body is the notice, with the token of an administrator as `Authorization: Bearer`; or, as SciGateway \
        3.0.1 sends it, `{\"token\": …, \"scheduledMaintenance\": …}` without the header.",
    request_body(content = ScheduledMaintenance, content_type = "application/json"),
    security((), ("bearer" = [])),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "`Scheduled maintenance state successfully updated`", body = String,
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
    set_notice(&state, &origin.0, &request, &body, &SCHEDULED).await
}

/// Some versions of SciGateway send POST.
#[utoipa::path(
    post, path = "/auth/scheduled_maintenance", operation_id = "post_scheduled_maintenance", tag = "scigateway",
    summary = "Set the notice of scheduled maintenance (SciGateway with POST)",
    request_body(content = ScheduledMaintenance, content_type = "application/json"),
    security((), ("bearer" = [])),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "`Scheduled maintenance state successfully updated`", body = String,
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
    set_notice(&state, &origin.0, &request, &body, &SCHEDULED).await
}
