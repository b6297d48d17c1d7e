//! `GET /icat/properties`: limits, and which authenticators ask for what.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::{HttpError, Peer, Problem};
use utoipa::ToSchema;

use crate::error::Error;
use crate::openapi::{CommonResponses, Failure};
use crate::state::State;

const DESCRIPTION_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Properties<'a> {
    /// How many entities one answer may have.
    max_entities: u32,
    /// How long a session lives without being refreshed.
    lifetime_minutes: u32,
    authenticators: Vec<Authenticator<'a>>,
    /// `Undulator`.
    container_type: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct Authenticator<'a> {
    /// The `plugin` of a login.
    mnemonic: &'a str,
    /// What it asks for.
    keys: Vec<Key>,
    /// Present where it is for administrators only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    admin: bool,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    friendly: Option<&'a str>,
}

/// What an authenticator describes of itself.
#[derive(Deserialize)]
struct Description {
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// Such as `username`.
    name: String,
    /// Present where the value is a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    hide: bool,
}

#[utoipa::path(
    get, path = "/icat/properties", operation_id = "get_properties", tag = "service",
    summary = "Limits and authenticators",
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "What a login form needs to know", body = Properties),
        (status = 500, description = "`INTERNAL`: an authenticator does not answer", body = Failure),
    ),
)]
pub async fn get_properties(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let mut authenticators = Vec::new();
    for (config, url) in state.config.authn.iter().zip(&state.authn_urls) {
        let keys =
            describe_authenticator(&state, &config.mnemonic, url).await.map_err(|source| Error::Authenticator {
                message: format!("No authenticator of type {} is working", config.mnemonic),
                source: Some(source),
            })?;
        authenticators.push(Authenticator {
            mnemonic: &config.mnemonic,
            keys,
            admin: config.admin,
            friendly: config.friendly.as_deref(),
        });
    }
    let properties = Properties {
        max_entities: state.config.max_entities,
        lifetime_minutes: state.config.lifetime_minutes,
        authenticators,
        container_type: "Undulator",
    };
    Ok(super::json_response(serde_json::to_string(&properties).map_err(Problem::internal)?))
}

async fn describe_authenticator(state: &State, mnemonic: &str, url: &str) -> Result<Vec<Key>, HttpError> {
    let request = state
        .http
        .get(format!("{url}/authn.{mnemonic}/description"))
        .timeout(DESCRIPTION_TIMEOUT)
        .with_extension(Peer { service: "auth", template: "/authn.{mnemonic}/description" });
    let description: Description = request.send().await?.error_for_status()?.json().await?;
    Ok(description.keys)
}
