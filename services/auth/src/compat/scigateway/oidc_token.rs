//! `POST /oidc_token/{provider}`: exchanges an authorization code at an identity provider. There are none.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use service_kit::{Code, Problem};

use super::bodies::{parse_json, require_text_body};
use super::failures::{CommonScigatewayFailures, ScigatewayBodyFailures};
use crate::error_format::ScigatewayFailure;

#[utoipa::path(
    post, path = "/auth/oidc_token/{provider}", operation_id = "exchange_scigateway_code", tag = "scigateway",
    summary = "Exchange an authorization code (SciGateway)",
    params(("provider" = String, Path, description = "The id of the provider")),
    request_body(content = String, content_type = "application/json"),
    security(),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 404, description = "There is no such provider", body = ScigatewayFailure),
    ),
)]
pub async fn exchange_code(
    request: HttpRequest,
    provider: web::Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    require_text_body(&parse_json(&request, &body)?)?;
    Err(unknown_provider(&provider))
}

/// The words of scigateway-auth.
pub fn unknown_provider(provider: &str) -> Problem {
    Problem::new(Code::NotFound, "auth/unknown-provider", format!("Unknown OIDC provider: {provider}"))
}
