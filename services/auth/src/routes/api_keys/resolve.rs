//! `POST /api-keys/resolve`, for other services only: what an API key may be used for.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::ApiKey;
use service_kit::{Code, Problem, RequestCredential, is_stored_api_key};

use crate::api_keys::RefusedKey;
use crate::domain::origin::Origin;
use crate::error::no_credentials;
use crate::request_origin::read_request_id;
use crate::state::State;

pub async fn resolve_api_key(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let bearer = RequestCredential::find_bearer(&request)?.filter(|bearer| is_stored_api_key(&bearer.text));
    let key = bearer.ok_or_else(|| no_credentials("send the API key as Authorization: Bearer"))?.text;
    // Not the address: it is that of the service which asks.
    let origin = Origin { request_id: read_request_id(&request), ..Origin::default() };
    let row = state.api_keys.resolve_key(&key, &origin).await?.map_err(to_problem)?;
    Ok(HttpResponse::Ok().json(ApiKey {
        name: row.terms.name,
        user: row.terms.user_name,
        scopes: row.terms.scopes,
        instruments: row.terms.instruments,
        expires: row.terms.expires_at.to_timestamp(),
    }))
}

fn to_problem(refused: RefusedKey) -> Problem {
    let (slug, text) = match refused {
        RefusedKey::Expired => ("auth/api-key-expired", "the API key has expired"),
        RefusedKey::Unknown | RefusedKey::Revoked | RefusedKey::AccountClosed => {
            ("auth/unknown-api-key", "the API key does not exist, was revoked, or acts for an account that is closed")
        }
    };
    Problem::new(Code::Unauthenticated, slug, text)
}
