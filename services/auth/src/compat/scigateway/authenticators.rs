//! `GET /authenticators`: those of ICAT, unchanged.

use actix_web::{HttpResponse, web};
use icat_client::IcatError;
use service_kit::Problem;

use super::failures::{CommonScigatewayFailures, from_icat_failure, server_failure};
use crate::state::State;

#[utoipa::path(
    get, path = "/auth/authenticators", operation_id = "list_scigateway_authenticators", tag = "scigateway",
    summary = "List the authenticators of ICAT",
    security(),
    responses(
        CommonScigatewayFailures,
        (status = 200, description = "`authenticators` of ICAT's properties", body = Vec<Value>),
    ),
)]
pub async fn list_authenticators(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let text = "Failed to retrieve authenticators";
    let properties = state.icat.get_raw_properties().await.map_err(|e| match e {
        IcatError::Refused { .. } => server_failure(text).with_source(e),
        e => from_icat_failure(e),
    })?;
    let authenticators = properties.get("authenticators").ok_or_else(|| server_failure(text))?;
    Ok(HttpResponse::Ok().json(authenticators))
}
