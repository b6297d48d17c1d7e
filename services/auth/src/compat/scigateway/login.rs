//! `POST /login`: a token for credentials, or for nobody in particular.

use actix_web::http::header::SET_COOKIE;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use identity::page_sessions::refuse_foreign_site;
use service_kit::Problem;
use utoipa::ToSchema;

use super::bodies::parse_json;
use super::cookie::render_cookie;
use super::failures::{CommonScigatewayFailures, ScigatewayBodyFailures, from_login_error};
use super::fields::Fields;
use crate::domain::client_id::ClientId;
use crate::domain::login::ANONYMOUS_PLUGIN;
use crate::domain::origin::Origin;
use crate::domain::provider_session::ProviderSession;
use crate::domain::renewal::seconds_until;
use crate::domain::token_expiry::find_token_expiry;
use crate::error::{bad_credentials, session_over};
use crate::error_format::ScigatewayFailure;
use crate::login_flow::OpenedSession;
use crate::logins::{NewLogin, SessionHandle, TokenPlace};
use crate::request_origin::RequestOrigin;
use crate::state::State;

/// The client of all logins of this interface.
pub const CLIENT: &str = "scigateway";
/// Longer names and passwords are not sent to ICAT.
const MAX_CHARS: usize = 4096;

/// A login. Without credentials it is anonymous, whatever the mnemonic is.
#[derive(ToSchema)]
pub struct ScigatewayLogin {
    #[schema(example = "db")]
    mnemonic: String,
    credentials: Option<ScigatewayCredentials>,
}

#[derive(ToSchema)]
struct ScigatewayCredentials {
    #[schema(example = "alice")]
    username: String,
    #[schema(format = Password)]
    password: String,
}

impl ScigatewayLogin {
    fn from_request(request: &HttpRequest, body: &[u8]) -> Result<Self, Problem> {
        let value = parse_json(request, body)?;
        let mut fields = Fields::from_object(&value);
        let mnemonic = fields.require_text("mnemonic", MAX_CHARS);
        let credentials = fields.find_object("credentials").map(|mut inner| {
            let username = inner.require_text("username", MAX_CHARS);
            let password = inner.require_text("password", MAX_CHARS);
            fields.add_errors_of(inner);
            ScigatewayCredentials { username, password }
        });
        fields.into_result().map(|()| Self { mnemonic, credentials })
    }

    /// The authenticator and what it is given.
    fn to_icat_login(&self) -> (&str, Vec<(&str, &str)>) {
        match &self.credentials {
            Some(ScigatewayCredentials { username, password }) => {
                (&self.mnemonic, vec![("username", username), ("password", password)])
            }
            None => (ANONYMOUS_PLUGIN, Vec::new()),
        }
    }
}

#[utoipa::path(
    post, path = "/auth/login", operation_id = "log_in_to_scigateway", tag = "scigateway",
    summary = "Log in (SciGateway)",
    request_body(content = ScigatewayLogin, content_type = "application/json"),
    security(),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "A token; the refresh token is in the cookie `scigateway:refresh_token`", body = String,
            content_type = "application/json"),
        (status = 403, description = "ICAT refuses the login", body = ScigatewayFailure),
    ),
)]
pub async fn log_in(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let given = ScigatewayLogin::from_request(&request, &body)?;
    let (plugin, credentials) = given.to_icat_login();
    // The cookie of a portal is of no use to pages of other sites, and they must not log a browser in.
    let refresh_place = refuse_foreign_site(&request).is_ok().then_some(TokenPlace::ScigatewayCookie);
    let issue_tokens =
        async |opened: &OpenedSession| issue_first_tokens(&state, opened, refresh_place, None, &origin.0).await;
    state.login_flow.log_in(plugin, &credentials, &origin.0, issue_tokens).await.map_err(from_login_error)
}

/// Stores the login of an opened session; the answer with its tokens.
pub async fn issue_first_tokens(
    state: &State,
    opened: &OpenedSession,
    refresh_place: Option<TokenPlace>,
    provider_session: Option<&ProviderSession>,
    origin: &Origin,
) -> Result<HttpResponse, Problem> {
    let handle = SessionHandle::generate_credential(&*state.ids);
    let session = &opened.session;
    let expires_at = find_token_expiry(state.clock.now(), state.scigateway_tokens.lifetime(), session.ends_at);
    let expires_at = expires_at.ok_or_else(session_over)?;
    let token = state.scigateway_tokens.sign_token(session, &handle, expires_at).await?;
    let new = NewLogin {
        session,
        handle: &handle,
        authentication: &opened.authentication,
        client: &ClientId::of_interface(CLIENT),
        origin,
        account_before: opened.account_before.as_ref(),
        token_ends_at: expires_at,
        refresh_place,
        provider_session,
    };
    let started = state.logins.start_login(&new).await?.ok_or_else(bad_credentials)?;
    service_kit::record_caller(&session.user_name);
    let mut response = HttpResponse::Ok();
    if let Some(refresh_token) = &started.refresh_token {
        let seconds = seconds_until(started.ends_at, state.clock.now_micros());
        response.append_header((SET_COOKIE, render_cookie(refresh_token, &state.config.scigateway_prefix, seconds)));
    }
    Ok(response.json(token))
}
