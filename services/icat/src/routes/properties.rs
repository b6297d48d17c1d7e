//! `GET /icat/properties`: limits, and which authenticators ask for what.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::{HttpError, Peer, Problem};

use crate::error::Error;
use crate::state::State;

const DESCRIPTION_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    max_entities: u32,
    lifetime_minutes: u32,
    authenticators: Vec<Authenticator<'a>>,
    container_type: &'static str,
}

#[derive(Serialize)]
struct Authenticator<'a> {
    mnemonic: &'a str,
    keys: Vec<Key>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    friendly: Option<&'a str>,
}

/// What an authenticator describes of itself.
#[derive(Deserialize)]
struct Description {
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hide: bool,
}

pub async fn get(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let mut authenticators = Vec::new();
    for (config, url) in state.config.authn.iter().zip(&state.authn_urls) {
        let keys = describe(&state, &config.mnemonic, url).await.map_err(|source| Error::Authenticator {
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
    Ok(super::json(serde_json::to_string(&properties).map_err(Problem::internal)?))
}

async fn describe(state: &State, mnemonic: &str, url: &str) -> Result<Vec<Key>, HttpError> {
    let request = state
        .http
        .get(format!("{url}/authn.{mnemonic}/description"))
        .timeout(DESCRIPTION_TIMEOUT)
        .with_extension(Peer { service: "auth", template: "/authn.{mnemonic}/description" });
    let description: Description = request.send().await?.error_for_status()?.json().await?;
    Ok(description.keys)
}
