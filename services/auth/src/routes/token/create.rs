//! `POST /auth/v1/token`: creates an access token from credentials, or from an open ICAT session.

use std::net::IpAddr;

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::openapi::{BodyFailures, CommonFailures, Failure, IcatFailures};
use service_kit::{ClientAddress, Code, Problem, RequestCredential};
use utoipa::ToSchema;

use super::Credentials;
use crate::error::{from_login_error, no_credentials, session_over};
use crate::session_handle::SessionHandle;
use crate::state::State;
use crate::store::accounts::AccountRow;

/// ICAT's are UUIDs.
const LONGEST_SESSION_ID: usize = 128;

#[derive(Serialize, ToSchema)]
pub struct Token {
    /// A JWT (RFC 9068); anybody can verify it with the keys of `/.well-known/jwks.json`.
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Lifetime in seconds; less than 600 if the ICAT session ends earlier.
    #[schema(example = 600)]
    expires_in: i64,
}

#[utoipa::path(
    post, path = "/auth/v1/token", operation_id = "create_token", tag = "tokens", summary = "Get an access token",
    description = "Send either a body with credentials, which are passed to ICAT, or no body and an ICAT session id \
        as `Authorization: Bearer`.",
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
        (status = 422, description = "A field is missing, unknown or not a text", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn create_token(
    state: web::Data<State>,
    client: web::ReqData<ClientAddress>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let token = match (RequestCredential::find_bearer(&request)?, body.is_empty()) {
        (None, false) => {
            create_from_credentials(&state, &Credentials::from_request(&request, &body)?, client.0).await?
        }
        (Some(bearer), true) => create_from_session(&state, &bearer.text).await?,
        (Some(_), false) => {
            let text = "send a body with credentials or Authorization: Bearer with an ICAT session, not both";
            return Err(Problem::new(Code::BadRequest, "auth/two-credentials", text));
        }
        (None, true) => {
            let text = "send a body with credentials, or Authorization: Bearer with an ICAT session";
            return Err(no_credentials(text));
        }
    };
    Ok(HttpResponse::Ok().json(token))
}

async fn create_from_credentials(state: &State, credentials: &Credentials, client: IpAddr) -> Result<Token, Problem> {
    let Credentials { plugin, .. } = credentials;
    let before = state.sessions.find_account_before_login(plugin, &credentials.pairs()).await?;
    let logged_in = state.sessions.log_in(plugin, &credentials.pairs(), client).await;
    let id = logged_in.map_err(from_login_error)?;
    let token = create_for_session(state, &id, before.as_ref()).await;
    if token.is_err()
        && let Err(e) = state.sessions.log_out(&id).await
    {
        tracing::warn!(error = %e, "cannot end the session of a failed login; it stays open until it expires");
    }
    token
}

async fn create_from_session(state: &State, id: &str) -> Result<Token, Problem> {
    let is_valid = id.len() <= LONGEST_SESSION_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // Another text, such as an access token, is not sent to ICAT.
    if is_valid { create_for_session(state, id, None).await } else { Err(session_over()) }
}

/// The token is returned after its session is stored; `before` is the account as it was when the login began.
async fn create_for_session(state: &State, session_id: &str, before: Option<&AccountRow>) -> Result<Token, Problem> {
    let session = state.sessions.look_up_session(session_id).await.map_err(from_login_error)?;
    let handle = SessionHandle::generate(&*state.ids);
    let signed = state.tokens.sign_token(&session, &handle).await?;
    let sealed = handle.seal(&session.id, &*state.ids).map_err(Problem::internal)?;
    if !state.sessions.store_token_session(&session, &handle.hash(), &sealed, before).await? {
        return Err(session_over());
    }
    Ok(Token { access_token: signed.token, token_type: "Bearer", expires_in: signed.expires_in_seconds })
}
