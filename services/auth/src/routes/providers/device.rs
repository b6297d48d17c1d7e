//! `GET /auth/v1/providers/{provider}/device`: where a program without a browser logs in with an identity provider.

use actix_web::{HttpResponse, web};
use service_kit::openapi::{CommonFailures, Failure};
use service_kit::{Code, Problem};

use crate::providers::{DeviceLogin, ProviderLoginError};
use crate::routes::oidc::find_provider;
use crate::state::State;

#[utoipa::path(
    get, path = "/auth/v1/providers/{provider}/device", operation_id = "get_device_login", tag = "providers",
    summary = "Get where a program without a browser logs in",
    description = "The program asks the provider for a device code (RFC 8628), shows the user where to confirm it, and sends the \
        ID token that it gets to `POST /auth/v1/token/provider`.",
    params(("provider" = String, Path, description = "The name of the provider")),
    security(),
    responses(
        CommonFailures,
        (status = 200, description = "The provider's endpoints, and the client to use", body = DeviceLogin),
        (status = 404, description = "There is no such provider, or it has no device codes", body = Failure,
            content_type = "application/problem+json"),
        (status = 502, description = "The provider answered something unexpected", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn get_device_login(state: web::Data<State>, provider: web::Path<String>) -> Result<HttpResponse, Problem> {
    let provider = find_provider(&state, &provider)?;
    let found = provider.find_device_login().await;
    let found = found.map_err(|e| ProviderLoginError::from(e).into_problem(provider.settings.display_name()))?;
    let text = "this identity provider has no device codes; log in with a browser";
    let device = found.ok_or_else(|| Problem::new(Code::NotFound, "auth/no-device-codes", text))?;
    Ok(HttpResponse::Ok().json(device))
}
