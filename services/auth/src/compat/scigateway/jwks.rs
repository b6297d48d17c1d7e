//! `GET /jwks.json`: the public key of the tokens of this interface, for services that verify them. scigateway-auth has no such
//! address; its operators copy the key.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use super::failures::CommonScigatewayFailures;
use crate::keys::RsaPublicKey;
use crate::state::State;

#[derive(Serialize, ToSchema)]
pub struct ScigatewayKeySet {
    keys: [RsaPublicKey; 1],
}

#[utoipa::path(
    get, path = "/auth/jwks.json", operation_id = "get_scigateway_keys", tag = "scigateway",
    summary = "Get the public key of the tokens of this interface",
    security(),
    responses(CommonScigatewayFailures, (status = 200, description = "One key", body = ScigatewayKeySet)),
)]
pub async fn get_keys(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let key = state.scigateway_tokens.get_public_key().await?;
    Ok(HttpResponse::Ok().json(ScigatewayKeySet { keys: [key] }))
}
