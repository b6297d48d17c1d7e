//! `GET /oidc_providers`: the identity providers, by their names.

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use super::failures::CommonScigatewayFailures;
use crate::providers::Provider;
use crate::state::State;

#[utoipa::path(
    get, path = "/auth/oidc_providers", operation_id = "list_scigateway_providers", tag = "scigateway",
    summary = "List the identity providers (SciGateway)",
    security(),
    responses(
        CommonScigatewayFailures,
        (status = 200, description = "The providers by their names: `display_name`, `configuration_url`, `client_id`, `pkce` \
            (whether the browser exchanges the code itself) and `scope`", body = Value),
    ),
)]
pub async fn list_providers(state: web::Data<State>) -> HttpResponse {
    let list: Map<String, Value> = state
        .providers
        .list_providers()
        .iter()
        .map(|provider| (provider.settings.name.clone(), describe_provider(provider)))
        .collect();
    HttpResponse::Ok().json(list)
}

fn describe_provider(provider: &Provider) -> Value {
    let settings = &provider.settings;
    json!({
        "display_name": settings.display_name(),
        "configuration_url": settings.configuration_url,
        "client_id": settings.client_id,
        "pkce": !settings.has_secret(),
        "scope": settings.scope,
    })
}
