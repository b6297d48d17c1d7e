//! `POST /auth/v1/oidc/{provider}/backchannel-logout`: an identity provider says that somebody has logged out there (`OpenID`
//! Connect Back-Channel Logout 1.0, 2.5 to 2.8).

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::openapi::{CommonFailures, Failure};
use utoipa::ToSchema;

use super::find_provider;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize, ToSchema)]
pub struct LogoutForm {
    logout_token: String,
}

/// As OAuth 2.0 says it (RFC 6749, 5.2).
#[derive(Serialize, ToSchema)]
pub struct LogoutFailure {
    #[schema(example = "invalid_request")]
    error: &'static str,
}

#[utoipa::path(
    post, path = "/auth/v1/oidc/{provider}/backchannel-logout", operation_id = "end_provider_logins", tag = "providers",
    summary = "End the logins of somebody who has logged out at their identity provider",
    description = "For identity providers, which sign what they send.",
    params(("provider" = String, Path, description = "The name of the provider")),
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    security(),
    responses(
        CommonFailures,
        (status = 200, description = "The logins have ended, or there were none"),
        (status = 400, description = "The logout token is not valid, or was used before", body = LogoutFailure,
            content_type = "application/json"),
        (status = 404, description = "There is no such provider", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn end_logins(
    state: web::Data<State>,
    origin: RequestOrigin,
    provider: web::Path<String>,
    form: Option<web::Form<LogoutForm>>,
) -> Result<HttpResponse, Problem> {
    let provider = find_provider(&state, &provider)?;
    let ended = match &form {
        Some(form) => state.provider_logouts.end_logins(provider, &form.logout_token, &origin.0).await,
        None => Ok(None),
    };
    match ended.map_err(|e| e.into_problem(provider.settings.display_name()))? {
        Some(count) => {
            tracing::info!(
                provider.name = provider.settings.name,
                logins.ended = count,
                "logged out at the identity provider"
            );
            Ok(HttpResponse::Ok().finish())
        }
        None => Ok(HttpResponse::BadRequest().json(LogoutFailure { error: "invalid_request" })),
    }
}
