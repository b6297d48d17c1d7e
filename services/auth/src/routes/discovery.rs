//! `GET /.well-known/openid-configuration`: where the keys of access tokens are (`OpenID` Connect Discovery 1.0, 3), for
//! verifiers that find them by the issuer.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::find_server_root;
use service_kit::openapi::CommonFailures;
use utoipa::ToSchema;

use crate::state::State;

/// Members that the standard requires of a provider, as far as they are true here, and what this is not.
#[derive(Serialize, ToSchema)]
pub struct Discovery {
    /// `iss` of the tokens.
    #[schema(example = "https://data.example.org")]
    issuer: String,
    #[schema(example = "https://data.example.org/.well-known/jwks.json")]
    jwks_uri: String,
    /// The algorithms of the signatures of access tokens.
    #[schema(example = json!(["EdDSA"]))]
    access_token_signing_alg_values_supported: Vec<&'static str>,
    /// The claims of access tokens.
    claims_supported: Vec<&'static str>,
    /// Empty: this is no authorization server.
    response_types_supported: [&'static str; 0],
    /// Empty: this is no authorization server.
    grant_types_supported: [&'static str; 0],
    /// Empty: there are no ID tokens.
    id_token_signing_alg_values_supported: [&'static str; 0],
    /// What verifiers that do not listen to events ask every 30 seconds.
    #[schema(example = "https://data.example.org/auth/v1/revoked")]
    revoked_uri: String,
    note: &'static str,
}

const CLAIMS: [&str; 12] =
    ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "sid", "client_id", "auth_time", "acr", "amr"];

#[utoipa::path(
    get, path = "/.well-known/openid-configuration", operation_id = "get_discovery", tag = "tokens",
    summary = "Get the issuer of access tokens, and where its keys are",
    security(),
    responses(
        CommonFailures,
        (status = 200, description = "For verifiers of access tokens; it can be cached for five minutes", body = Discovery),
    ),
)]
pub async fn get_discovery(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let root = find_server_root(&request);
    let discovery = Discovery {
        issuer: state.tokens.issuer().to_owned(),
        jwks_uri: format!("{root}/.well-known/jwks.json"),
        access_token_signing_alg_values_supported: vec!["EdDSA"],
        claims_supported: CLAIMS.to_vec(),
        response_types_supported: [],
        grant_types_supported: [],
        id_token_signing_alg_values_supported: [],
        revoked_uri: format!("{root}/auth/v1/revoked"),
        note: "For verifying the access tokens of this facility. This is no OAuth 2.0 authorization server and no OpenID \
               provider: it issues no ID tokens and registers no clients.",
    };
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(discovery)
}
