//! `GET /logbook/keys`: the key that signs closed logbooks, for whoever checks an export.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use crate::api::document::{Always, KeySet, PublicKey};
use crate::history::signature;
use crate::http::json;
use crate::state::State;

#[utoipa::path(
    get, path = "/logbook/keys", operation_id = "list_keys", tag = "history",
    summary = "The key that signs closed logbooks",
    description = "As a JWK set (RFC 7517, RFC 8037); `kid` is what a closed logbook's last record and \
        `undulator logbook verify` say.",
    security(),
    responses(Always, (status = 200, description = "One Ed25519 key", body = KeySet)),
)]
pub async fn list_keys(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let key = signature::PublicKey::of(state.keys.seals());
    let jwk = PublicKey { kty: "OKP", crv: "Ed25519", usage: "sig", alg: "EdDSA", kid: key.id(), x: key.encoded() };
    Ok(json(&KeySet { keys: vec![jwk] }))
}
