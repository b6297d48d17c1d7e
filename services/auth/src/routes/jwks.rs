//! `GET /.well-known/jwks.json`: the public keys of access tokens (RFC 7517), which verifiers cache for five minutes.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::openapi::CommonFailures;
use utoipa::ToSchema;

use crate::keys::PublicKey;
use crate::state::State;

#[derive(Serialize, ToSchema)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "get_keys", tag = "tokens",
    summary = "Get the public keys of access tokens",
    security(),
    responses(
        CommonFailures,
        (status = 200, description = "The keys; they can be cached for five minutes", body = KeySet),
    ),
)]
pub async fn get_keys(state: web::Data<State>) -> HttpResponse {
    let keys = state.tokens.keys.current().await.public_keys();
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(KeySet { keys })
}
