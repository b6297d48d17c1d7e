//! `POST /auth/v1/token`: creates an access token from credentials, or from an open ICAT session.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use identity::page_sessions::refuse_foreign_site;
use service_kit::openapi::{BodyFailures, CommonFailures, Failure, IcatFailures};
use service_kit::{Code, Problem, RequestCredential};

use super::Credentials;
use super::response::{IssuedRefreshToken, Token, render_token};
use crate::domain::client_id::ClientId;
use crate::domain::icat_session::IcatSession;
use crate::domain::login::Authentication;
use crate::domain::origin::Origin;
use crate::domain::provider_session::ProviderSession;
use crate::domain::renewal::seconds_until;
use crate::domain::token_expiry::find_token_expiry;
use crate::error::{from_login_error, no_credentials, session_over};
use crate::icat_sessions::LoginError;
use crate::login_flow::OpenedSession;
use crate::logins::{NewLogin, SessionHandle, TokenPlace};
use crate::request_origin::RequestOrigin;
use crate::state::State;
use crate::store::accounts::AccountRow;
use crate::tokens::{SignedToken, TOKEN_LIFETIME, TokenSubject};

/// ICAT's are UUIDs.
const LONGEST_SESSION_ID: usize = 128;

#[utoipa::path(
    post, path = "/auth/v1/token", operation_id = "create_token", tag = "tokens", summary = "Get an access token",
    description = "Send either a body with credentials, which are passed to ICAT, or no body and an ICAT session id \
        as `Authorization: Bearer`. With credentials, a refresh token can be asked for, with which the client gets further \
        tokens for seven days.",
    request_body(content = Credentials, content_type = "application/json"),
    security((), ("bearer" = [])),
    responses(
        CommonFailures,
        BodyFailures,
        IcatFailures,
        (status = 200, description = "A token", body = Token),
        (status = 400, description = "The body is not JSON, or there are both a body and a session", body = Failure,
            content_type = "application/problem+json"),
        (status = 401, description = "No credentials, or ICAT refuses them", body = Failure,
            content_type = "application/problem+json"),
        (status = 403, description = "A page of another site asks for the cookie", body = Failure,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is missing, unknown or not a text", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn create_token(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let (signed, refresh) = match (RequestCredential::find_bearer(&request)?, body.is_empty()) {
        (None, false) => {
            let credentials = Credentials::from_request(&request, &body)?;
            if credentials.refresh_place() == Some(TokenPlace::Cookie) {
                // Another site must not log a browser in.
                refuse_foreign_site(&request)?;
            }
            create_from_credentials(&state, &credentials, &origin.0).await?
        }
        (Some(bearer), true) => create_from_session(&state, &bearer.text, &origin.0).await?,
        (Some(_), false) => {
            let text = "send a body with credentials or Authorization: Bearer with an ICAT session, not both";
            return Err(Problem::new(Code::BadRequest, "auth/two-credentials", text));
        }
        (None, true) => {
            let text = "send a body with credentials, or Authorization: Bearer with an ICAT session";
            return Err(no_credentials(text));
        }
    };
    Ok(render_token(HttpResponse::Ok(), signed, refresh))
}

type Tokens = (SignedToken, Option<IssuedRefreshToken>);

/// Who logs in, besides the session.
pub struct LoginDetails<'a> {
    pub authentication: &'a Authentication,
    pub client: &'a ClientId,
    pub refresh_place: Option<TokenPlace>,
    pub account_before: Option<&'a AccountRow>,
    pub provider_session: Option<&'a ProviderSession>,
    pub origin: &'a Origin,
}

async fn create_from_credentials(state: &State, credentials: &Credentials, origin: &Origin) -> Result<Tokens, Problem> {
    let (pairs, client) = (credentials.pairs(), credentials.client()?);
    let issue_tokens = async |opened: &OpenedSession| {
        let details = LoginDetails {
            authentication: &opened.authentication,
            client: &client,
            refresh_place: credentials.refresh_place(),
            account_before: opened.account_before.as_ref(),
            provider_session: None,
            origin,
        };
        create_for_session(state, &opened.session, &details).await
    };
    let issued = state.login_flow.log_in(&credentials.plugin, &pairs, origin, issue_tokens).await;
    issued.map_err(LoginError::into_problem)
}

async fn create_from_session(state: &State, id: &str, origin: &Origin) -> Result<Tokens, Problem> {
    let is_valid = id.len() <= LONGEST_SESSION_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_valid {
        // Another text, such as an access token, is not sent to ICAT.
        return Err(session_over());
    }
    let session = state.icat_sessions.look_up_session(id).await.map_err(from_login_error)?;
    let details = LoginDetails {
        authentication: &Authentication::from_session(&session.user_name),
        client: &ClientId::unnamed(),
        refresh_place: None,
        account_before: None,
        provider_session: None,
        origin,
    };
    create_for_session(state, &session, &details).await
}

/// The token is returned after its login is stored.
pub async fn create_for_session(
    state: &State,
    session: &IcatSession,
    details: &LoginDetails<'_>,
) -> Result<Tokens, Problem> {
    let LoginDetails { authentication, client, refresh_place, account_before, provider_session, origin } = details;
    let handle = SessionHandle::generate(&*state.ids);
    let expires_at = find_token_expiry(state.clock.now(), TOKEN_LIFETIME, session.ends_at).ok_or_else(session_over)?;
    let subject = TokenSubject { expires_at, session, handle: &handle, client, authentication };
    let signed = state.tokens.sign_token(&subject).await?;
    let new = NewLogin {
        session,
        handle: &handle,
        authentication,
        client,
        origin,
        account_before: *account_before,
        token_ends_at: expires_at,
        refresh_place: *refresh_place,
        provider_session: *provider_session,
    };
    let started = state.logins.start_login(&new).await?.ok_or_else(session_over)?;
    let refresh = started.refresh_token.zip(*refresh_place).map(|(token, place)| IssuedRefreshToken {
        token,
        place,
        seconds_left: seconds_until(started.ends_at, state.clock.now_micros()),
    });
    Ok((signed, refresh))
}
