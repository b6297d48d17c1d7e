//! `POST /oidc_login/{provider}`: a login with an ID token of an identity provider, which a page has got. Unlike scigateway-auth,
//! each ID token is accepted once and for ten minutes.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::refuse_foreign_site;
use service_kit::{Problem, RequestCredential};

use super::failures::{
    CommonScigatewayFailures, from_login_error, from_provider_failure, invalid_id_token, not_authenticated,
};
use super::login::issue_first_tokens;
use super::oidc_token::unknown_provider;
use crate::domain::origin::Origin;
use crate::error_format::ScigatewayFailure;
use crate::login_flow::OpenedSession;
use crate::logins::TokenPlace;
use crate::provider_logins::ProvedLogin;
use crate::providers::{Provider, ProviderLoginError};
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
    let provider = state.providers.find(&name).ok_or_else(|| unknown_provider(&name))?;
    let proved =
        match state.provider_logins.prove_with_id_token(provider, &bearer.text, &provider.settings.client_id).await {
            Ok(proved) => proved,
            Err(e) => return Err(refuse_login(&state, provider, e, &origin.0).await),
        };
    // The cookie of a portal is of no use to pages of other sites, and they must not log a browser in.
    let refresh_place = refuse_foreign_site(&request).is_ok().then_some(TokenPlace::ScigatewayCookie);
    log_in(&state, provider, &proved, refresh_place, &origin.0).await
}

async fn refuse_login(state: &State, provider: &Provider, e: ProviderLoginError, origin: &Origin) -> Problem {
    if let Err(failed) = state.provider_logins.record_failure(provider, &e, origin).await {
        return from_provider_failure(failed);
    }
    if e.is_refusal() { invalid_id_token(e.as_str()) } else { from_provider_failure(e) }
}

async fn log_in(
    state: &State,
    provider: &Provider,
    proved: &ProvedLogin,
    refresh_place: Option<TokenPlace>,
    origin: &Origin,
) -> Result<HttpResponse, Problem> {
    let assertion = state.assertions.sign(&proved.user, proved.may_be_administrator).await?;
    let issue = async |opened: &OpenedSession| {
        let response = issue_first_tokens(state, opened, refresh_place, Some(&proved.provider_session), origin).await?;
        state.provider_logins.record_success(provider, &opened.session.user_name, origin).await?;
        Ok(response)
    };
    let authentication = proved.authentication.clone();
    let opened = state.login_flow.log_in_with_assertion(&assertion, authentication, origin, issue).await;
    opened.map_err(from_login_error)
}
