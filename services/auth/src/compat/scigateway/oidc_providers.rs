//! `GET /oidc_providers`: the identity providers, by their ids.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde_json::Value;

use super::failures::CommonScigatewayFailures;

#[utoipa::path(
    get, path = "/auth/oidc_providers", operation_id = "list_scigateway_providers", tag = "scigateway",
    summary = "List the identity providers (SciGateway)",
    security(),
    responses(
        CommonScigatewayFailures,
        (status = 200, description = "The providers by their ids; there are none", body = BTreeMap<String, Value>),
    ),
)]
pub async fn list_providers() -> HttpResponse {
    HttpResponse::Ok().json(BTreeMap::<String, Value>::new())
}
