//! `GET /icat/properties`: limits, and the authenticators with their credentials.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::routes::schemas::{CommonResponses, Failure};
use crate::sessions::CredentialKey;
use crate::state::State;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Properties<'a> {
    /// The maximum number of entities in one response.
    max_entities: u32,
    /// How long a session is valid without being refreshed, in minutes.
    lifetime_minutes: u32,
    authenticators: Vec<Authenticator<'a>>,
    /// `Undulator`.
    container_type: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct Authenticator<'a> {
    /// The `plugin` of a login.
    mnemonic: &'a str,
    /// The fields of its login form.
    keys: Vec<CredentialKey>,
    /// Present if the authenticator is for administrators only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    admin: bool,
    /// The name to show to users.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    friendly: Option<&'a str>,
}

#[utoipa::path(
    get, path = "/icat/properties", operation_id = "get_properties", tag = "service",
    summary = "Get the limits and the authenticators",
    security(),
    responses(
        CommonResponses,
        (status = 200, description = "The limits, and the authenticators with the fields of their login forms", body = Properties),
        (status = 500, description = "`INTERNAL`: an authenticator does not answer", body = Failure),
    ),
)]
pub async fn get_properties(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let mut authenticators = Vec::new();
    for authenticator in state.authenticators.iter() {
        authenticators.push(Authenticator {
            mnemonic: &authenticator.config.mnemonic,
            keys: state.authenticators.fetch_keys(authenticator).await?,
            admin: authenticator.config.admin,
            friendly: authenticator.config.friendly.as_deref(),
        });
    }
    let properties = Properties {
        max_entities: state.config.max_entities,
        lifetime_minutes: state.config.lifetime_minutes,
        authenticators,
        container_type: "Undulator",
    };
    Ok(super::http::json_response(serde_json::to_string(&properties).map_err(Problem::internal)?))
}
