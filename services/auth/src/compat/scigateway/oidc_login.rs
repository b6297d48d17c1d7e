//! `POST /oidc_login/{provider}`: a login with an ID token of an identity provider. There are none.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::{Problem, RequestCredential};

use super::failures::{CommonScigatewayFailures, not_authenticated};
use super::oidc_token::unknown_provider;
use crate::error_format::ScigatewayFailure;

#[utoipa::path(
    post, path = "/auth/oidc_login/{provider}", operation_id = "log_in_to_scigateway_with_id_token", tag = "scigateway",
    summary = "Log in with an ID token (SciGateway)",
    params(("provider" = String, Path, description = "The id of the provider")),
    security(("bearer" = [])),
    responses(
        CommonScigatewayFailures,
        (status = 401, description = "There is no ID token", body = ScigatewayFailure),
        (status = 404, description = "There is no such provider", body = ScigatewayFailure),
    ),
)]
pub async fn log_in_with_id_token(request: HttpRequest, provider: web::Path<String>) -> Result<HttpResponse, Problem> {
    match RequestCredential::find_bearer(&request) {
        Ok(Some(_)) => Err(unknown_provider(&provider)),
        _ => Err(not_authenticated()),
    }
}
