//! `POST /oidc_login/{provider}`: a login with an ID token of an identity provider, which a page has got. Unlike scigateway-auth,
//! each ID token is accepted once and for ten minutes.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::refuse_foreign_site;
use service_kit::{Code, Problem, RequestCredential};

use super::failures::{
    CommonScigatewayFailures, forbidden, from_provider_failure, invalid_id_token, not_authenticated,
};
use super::login::issue_first_tokens;
use super::oidc_token::unknown_provider;
use crate::error_format::ScigatewayFailure;
use crate::login_flow::OpenedSession;
use crate::logins::TokenPlace;
use crate::providers::ProviderLoginError;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[utoipa::path(
    post, path = "/auth/oidc_login/{provider}", operation_id = "log_in_to_scigateway_with_id_token", tag = "scigateway",
    summary = "Log in with an ID token (SciGateway)",
    params(("provider" = String, Path, description = "The name of the provider")),
    security(("bearer" = [])),
    responses(
        CommonScigatewayFailures,
        (status = 200, description = "A token; the refresh token is in the cookie `scigateway:refresh_token`", body = String,
            content_type = "application/json"),
        (status = 401, description = "There is no ID token", body = ScigatewayFailure),
        (status = 403, description = "The ID token is not valid, or ICAT refuses the login", body = ScigatewayFailure),
        (status = 404, description = "There is no such provider", body = ScigatewayFailure),
    ),
)]
pub async fn log_in_with_id_token(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let Ok(Some(bearer)) = RequestCredential::find_bearer(&request) else { return Err(not_authenticated()) };
    let provider = state.providers.find_by_name(&name).ok_or_else(|| unknown_provider(&name))?;
    let logins = &state.provider_logins;
    let client_id = &provider.settings.client_id;
    let proved = logins.prove_with_id_token(provider, &bearer.text, client_id, &origin.0).await;
    let proved = proved.map_err(to_refusal)?;
    // The cookie of a portal is of no use to pages of other sites, and they must not log a browser in.
    let refresh_place = refuse_foreign_site(&request).is_ok().then_some(TokenPlace::ScigatewayCookie);
    let issue = async |opened: &OpenedSession| {
        issue_first_tokens(&state, opened, refresh_place, Some(&proved.provider_session), &origin.0).await
    };
    logins.open_session(provider, &proved, &origin.0, issue).await.map_err(to_refusal)
}

/// scigateway-auth tells nobody what is wrong with an ID token.
fn to_refusal(e: ProviderLoginError) -> Problem {
    match e {
        ProviderLoginError::RefusedByIcat => forbidden("auth/refused", "The catalogue does not accept this account"),
        ProviderLoginError::Other(problem) if problem.code == Code::Unavailable => problem,
        e if e.is_refusal() => invalid_id_token(e.as_str()),
        e => from_provider_failure(e),
    }
}
