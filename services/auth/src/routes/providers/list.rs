//! `GET /auth/v1/providers`: the identity providers, for the login pages of portals.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::openapi::CommonFailures;
use utoipa::ToSchema;

use crate::state::State;

#[derive(Serialize, ToSchema)]
pub struct ListedProvider {
    #[schema(example = "lab")]
    name: String,
    /// For the button.
    #[schema(example = "Facility account")]
    display_name: String,
    /// Where the button leads to. The parameter `return_to` is a path of this site, where the browser comes back to with the cookie
    /// `__Host-undulator-refresh`; `acr_values` and `max_age` demand a level and a recent login (RFC 9470).
    #[schema(example = "/auth/v1/oidc/lab/start")]
    start: String,
}

#[derive(Serialize, ToSchema)]
pub struct ProviderList {
    providers: Vec<ListedProvider>,
}

#[utoipa::path(
    get, path = "/auth/v1/providers", operation_id = "list_providers", tag = "providers",
    summary = "List the identity providers",
    security(),
    responses(CommonFailures, (status = 200, description = "In the order of the login page", body = ProviderList)),
)]
pub async fn list_providers(state: web::Data<State>) -> HttpResponse {
    let providers = state.providers.list_providers().iter().map(|provider| ListedProvider {
        name: provider.settings.name.clone(),
        display_name: provider.settings.display_name().to_owned(),
        start: format!("/auth/v1/oidc/{}/start", provider.settings.name),
    });
    HttpResponse::Ok().json(ProviderList { providers: providers.collect() })
}
