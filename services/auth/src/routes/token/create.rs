//! `POST /auth/v1/token`: an access token for credentials, or for an ICAT session that is open already.

use std::net::IpAddr;

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::openapi::{BodyFailures, CommonFailures, Failure, IcatFailures};
use service_kit::{ClientAddress, Code, Problem, RequestCredential, Tx};
use utoipa::ToSchema;

use super::Credentials;
use crate::error::{no_credentials, of_login, session_over};
use crate::handle::Handle;
use crate::sessions::{self, IcatSession, account_before_login, log_in, log_out, look_up};
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
    /// Seconds; fewer than 600 where the ICAT session ends before.
    #[schema(example = 600)]
    expires_in: i64,
}

#[utoipa::path(
    post, path = "/auth/v1/token", operation_id = "create_token", tag = "tokens", summary = "Get an access token",
    description = "Either a body with credentials, which are given to ICAT, or no body and an ICAT session id as \
        `Authorization: Bearer`.",
    request_body(content = Credentials, content_type = "application/json"),
    security((), ("bearer" = [])),
    responses(
        CommonFailures,
        BodyFailures,
        IcatFailures,
        (status = 200, description = "A token", body = Token),
        (status = 400, description = "The body is no JSON, or there are both a body and a session", body = Failure,
            content_type = "application/problem+json"),
        (status = 401, description = "No credentials, or ICAT refuses them", body = Failure,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is missing, unknown or no text", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn post(
    state: web::Data<State>,
    client: web::ReqData<ClientAddress>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let token = match (RequestCredential::find_bearer(&request)?, body.is_empty()) {
        (None, false) => of_credentials(&state, &Credentials::read(&request, &body)?, client.0).await?,
        (Some(bearer), true) => of_session(&state, &bearer.text).await?,
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

async fn of_credentials(state: &State, credentials: &Credentials, client: IpAddr) -> Result<Token, Problem> {
    let before = account_before_login(state, &credentials.plugin, &credentials.pairs()).await?;
    let id = log_in(state, &credentials.plugin, &credentials.pairs(), client).await.map_err(of_login)?;
    let token = start(state, &id, before.as_ref()).await;
    if token.is_err()
        && let Err(e) = log_out(state, &id).await
    {
        tracing::warn!(error = %e, "a session that nobody got stays open until its time is over");
    }
    token
}

async fn of_session(state: &State, id: &str) -> Result<Token, Problem> {
    let plain = id.len() <= LONGEST_SESSION_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // Anything else, a token for example, would only be shown around.
    if plain { start(state, id, None).await } else { Err(session_over()) }
}

/// The token is given out after its session is stored; `before` is the account as it was when the login began.
async fn start(state: &State, session_id: &str, before: Option<&AccountRow>) -> Result<Token, Problem> {
    let session: IcatSession = look_up(state, session_id).await.map_err(of_login)?;
    let handle = Handle::random(&*state.ids);
    let signed = state.tokens.sign(&session, &handle).await?;
    let sealed = handle.seal(&session.id, &*state.ids).map_err(Problem::internal)?;
    let sid_hash = handle.hash();
    let start = async |tx: &mut Tx| sessions::session_started(state, tx, &session, &sid_hash, &sealed, before).await;
    if !state.db.write_read_committed(start).await? {
        return Err(session_over());
    }
    Ok(Token { access_token: signed.token, token_type: "Bearer", expires_in: signed.expires_in_seconds })
}
