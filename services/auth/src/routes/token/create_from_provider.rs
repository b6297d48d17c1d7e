//! `POST /auth/v1/token/provider`: creates an access token from the ID token of an identity provider, for programs that have logged
//! in there with a device code.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use identity::page_sessions::refuse_foreign_site;
use serde::Deserialize;
use service_kit::openapi::{BodyFailures, CommonFailures, Failure, IcatFailures};
use service_kit::{Code, Problem};
use utoipa::ToSchema;

use super::create::{LoginDetails, create_for_session};
use super::credentials::{RefreshTokenPlace, parse_client_id};
use super::response::{Token, render_token};
use crate::domain::origin::Origin;
use crate::login_flow::OpenedSession;
use crate::provider_logins::ProvedLogin;
use crate::providers::{Provider, ProviderLoginError};
use crate::request_origin::RequestOrigin;
use crate::routes::oidc::find_provider;
use crate::routes::refresh_cookie::require_json;
use crate::state::State;

/// A login that an identity provider has proved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvedByProvider {
    /// The name of the provider.
    #[schema(example = "lab")]
    provider: String,
    /// For the client of `GET /auth/v1/providers/{provider}/device`; it is accepted once, within ten minutes.
    id_token: String,
    /// Where to put a refresh token; without it there is none.
    #[schema(nullable = false)]
    refresh_token: Option<RefreshTokenPlace>,
    /// The name of the program: letters, digits, `.`, `_` and `-`.
    #[schema(nullable = false, example = "undulator-cli")]
    client_id: Option<String>,
}

#[utoipa::path(
    post, path = "/auth/v1/token/provider", operation_id = "create_token_from_provider", tag = "tokens",
    summary = "Get an access token with the ID token of an identity provider",
    request_body(content = ProvedByProvider, content_type = "application/json"),
    security(),
    responses(
        CommonFailures,
        BodyFailures,
        IcatFailures,
        (status = 200, description = "A token", body = Token),
        (status = 400, description = "The body is not JSON", body = Failure, content_type = "application/problem+json"),
        (status = 403, description = "The ID token proves no login here, or a page of another site asks for the cookie", body = Failure,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such provider", body = Failure, content_type = "application/problem+json"),
        (status = 422, description = "A field is missing, unknown or not a text", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn create_token_from_provider(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    require_json(&request)?;
    // The texts of the parser are not shown: the body has a token in it.
    let given: ProvedByProvider = serde_json::from_slice(&body).map_err(|e| {
        let text = format!(
            "the body must be an object with provider and id_token; see line {} column {}",
            e.line(),
            e.column()
        );
        Problem::new(if e.is_data() { Code::Validation } else { Code::BadRequest }, "auth/bad-credentials-body", text)
    })?;
    let provider = find_provider(&state, &given.provider)?;
    let client_id = provider.settings.device_client_id();
    if given.refresh_token == Some(RefreshTokenPlace::Cookie) {
        refuse_foreign_site(&request)?;
    }
    let logins = &state.provider_logins;
    let created = match logins.prove_with_id_token(provider, &given.id_token, client_id, &origin.0).await {
        Ok(proved) => log_in(&state, provider, &proved, &given, &origin.0).await,
        Err(e) => Err(e),
    };
    created.map_err(|e| e.into_problem(provider.settings.display_name()))
}

async fn log_in(
    state: &State,
    provider: &Provider,
    proved: &ProvedLogin,
    given: &ProvedByProvider,
    origin: &Origin,
) -> Result<HttpResponse, ProviderLoginError> {
    let client = parse_client_id(given.client_id.as_deref())?;
    let issue = async |opened: &OpenedSession| {
        let details = LoginDetails {
            authentication: &opened.authentication,
            client: &client,
            refresh_place: given.refresh_token.map(RefreshTokenPlace::token_place),
            account_before: None,
            provider_session: Some(&proved.provider_session),
            origin,
        };
        let (signed, refresh) = create_for_session(state, &opened.session, &details).await?;
        Ok(render_token(HttpResponse::Ok(), signed, refresh))
    };
    state.provider_logins.open_session(provider, proved, origin, issue).await
}
