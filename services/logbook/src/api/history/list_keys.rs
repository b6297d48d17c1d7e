//! `GET /logbook/keys`: the key that signs closed logbooks, for whoever checks an export.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::CommonFailures;
use crate::history::signing_key::SigningKey;
use crate::http::respond_json;

/// A JWK set (RFC 7517) of Ed25519 keys (RFC 8037).
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    keys: Vec<Jwk>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
struct Jwk {
    #[schema(example = "OKP")]
    kty: &'static str,
    #[schema(example = "Ed25519")]
    crv: &'static str,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: &'static str,
    #[schema(example = "EdDSA")]
    alg: &'static str,
    kid: String,
    x: String,
}

#[utoipa::path(
    get, path = "/logbook/keys", operation_id = "list_keys", tag = "history",
    summary = "List the keys that sign closed logbooks",
    description = "A JWK set (RFC 7517, RFC 8037). The last record of a closed logbook and `undulator logbook verify` \
        contain the `kid` of the key.",
    security(),
    responses(CommonFailures, (status = 200, description = "One Ed25519 key", body = KeySet)),
)]
pub async fn list_keys(signing_key: web::Data<SigningKey>) -> Result<HttpResponse, Problem> {
    let key = signing_key.public_key();
    let jwk = Jwk { kty: "OKP", crv: "Ed25519", usage: "sig", alg: "EdDSA", kid: key.id(), x: key.to_base64() };
    Ok(respond_json(&KeySet { keys: vec![jwk] }))
}
